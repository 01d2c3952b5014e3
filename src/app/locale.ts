/**
 * Some browsers on bare systems report a language that Intl refuses, such as "en-US@posix", and uPlot gives it to Intl
 * while it is loaded. Imported before everything else.
 */
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, "language", { value: "en-US" });
}

import { effect, signal } from "@preact/signals";

export type Language = "en" | "zh";

/** Every word of a part of the page, in each language. The type holds the keys equal, a test the rest. */
export type Tables<K extends string> = Readonly<Record<Language, Readonly<Record<K, string>>>>;

export const language = signal<Language>(savedLanguage());

function savedLanguage(): Language {
  const saved = localStorage.getItem("language");
  if (saved === "en" || saved === "zh") return saved;
  return navigator.languages[0]?.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function switchLanguage(): void {
  language.value = language.value === "en" ? "zh" : "en";
  localStorage.setItem("language", language.value);
}

effect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-Hans" : "en";
});

/** Looks words up in the language of the page; {name} in them is filled in. */
export function speaker<K extends string>(tables: Tables<K>) {
  return (key: K, values: Readonly<Record<string, string | number>> = {}): string =>
    tables[language.value][key].replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

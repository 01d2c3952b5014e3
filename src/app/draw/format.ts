/** Few digits, and an exponent where it is shorter: for tables and figures. */
export function short(v: number, digits = 3): string {
  if (v === 0) return "0";
  if (!Number.isFinite(v)) return Number.isNaN(v) ? "NaN" : v > 0 ? "∞" : "−∞";
  const size = Math.abs(v);
  const text =
    size >= 1e-3 && size < 1e5 ? String(Number(v.toPrecision(digits))) : v.toExponential(Math.max(0, digits - 2));
  return text.replaceAll("-", "−");
}

export const count = (v: number): string => Math.round(v).toLocaleString("en");

/** For axes, whose numbers are round: 20k, 1.5M, 1e−12. */
export function tick(v: number): string {
  const size = Math.abs(v);
  if (size >= 1e6) return `${Number((v / 1e6).toPrecision(4))}M`;
  return size >= 1e4 ? `${Number((v / 1e3).toPrecision(4))}k` : short(v, 4).replace(/\.?0+e/, "e");
}

export const percent = (v: number, digits = 1): string => `${(100 * v).toFixed(digits)}\u00a0%`;

/** Binary kilobytes or megabytes. */
export function bytesText(bytes: number): string {
  if (bytes < 2 ** 20) return `${Math.max(1, Math.round(bytes / 1024))} KiB`;
  return bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}

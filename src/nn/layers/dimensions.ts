import { brief } from "../../core/format.ts";
import type { Fields } from "./fields.ts";

/** A number, or one for each dimension of places. */
export type PerDimension = number | readonly number[];

/** One number for each of `count` dimensions. */
export const each = (value: PerDimension, count: number): readonly number[] =>
  typeof value === "number" ? Array.from({ length: count }, () => value) : value;

/** A whole number, or a list of one for each of `count` dimensions. */
export function dimensions(f: Fields, key: string, count: number, fallback?: PerDimension, least = 1): PerDimension {
  const value = f.value(key) ?? fallback;
  if (!Array.isArray(value)) return f.checked(key, value, least);
  if (value.length !== count) f.bad(`"${key}" must be a number, or a list of ${count}, got ${brief(value)}`);
  return value.map((v) => f.checked(key, v, least));
}

/** A list of whole numbers. */
export function wholeNumbers(f: Fields, key: string, least = 1): readonly number[] {
  const value = f.value(key, "list");
  if (!Array.isArray(value) || value.length === 0) {
    return f.bad(`"${key}" must be a list of whole numbers, got ${brief(value)}`);
  }
  return value.map((v) => f.checked(key, v, least));
}

/** One of some words, the first where the field is left out. */
export function choice<T extends string>(f: Fields, key: string, choices: readonly T[]): T {
  const value = f.value(key, choices) ?? choices[0];
  if (choices.includes(value as T)) return value as T;
  return f.bad(`"${key}" must be ${choices.map((c) => `"${c}"`).join(" or ")}, got ${brief(value)}`);
}

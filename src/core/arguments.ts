/** What callers give, checked before any work: TypeScript's own checks do not reach those who write JavaScript. */

import { ChainruleError } from "./errors.ts";

/** Throws ChainruleError("usage") where `value` is no whole number from `least` up. */
export function requireCount(name: string, value: unknown, least = 1): void {
  if (!(Number.isSafeInteger(value) && (value as number) >= least)) {
    throw new ChainruleError("usage", `${name} must be a whole number from ${least} up, got ${shown(value)}`);
  }
}

/** Throws ChainruleError("usage") where `value` is none of a few words. */
export function requireOneOf(name: string, value: unknown, known: readonly string[]): void {
  if (!known.includes(value as string)) {
    const words = known.map((word) => `"${word}"`);
    throw new ChainruleError("usage", `${name} must be ${words.join(" or ")}, got ${shown(value)}`);
  }
}

/** Throws ChainruleError("usage") naming the first field that is not known: a slip of the pen would do nothing, silently. */
export function requireKnownFields(what: string, given: object, known: Readonly<Record<string, true>>): void {
  if (typeof given !== "object" || given === null) {
    throw new ChainruleError("usage", `${what}: an object of options is needed, got ${shown(given)}`);
  }
  const unknown = Object.keys(given).find((key) => !Object.hasOwn(known, key));
  if (unknown === undefined) return;
  const names = Object.keys(known).join(", ");
  throw new ChainruleError("usage", `${what}: unknown option ${JSON.stringify(unknown)}; known are ${names}`);
}

const shown = (value: unknown): string => (typeof value === "string" ? JSON.stringify(value) : String(value));

/** What callers give, checked before any work: TypeScript's own checks do not reach those who write JavaScript. */

import { ChainruleError } from "./errors.ts";

/** Throws ChainruleError("usage") where `value` is no whole number from `least` up, to `most` where there is one. */
export function requireCount(name: string, value: unknown, least = 1, most?: number): void {
  const count = value as number;
  if (Number.isSafeInteger(value) && count >= least && count <= (most ?? count)) return;
  const range = most === undefined ? `${least} up` : `${least} to ${most}`;
  throw new ChainruleError("usage", `${name} must be a whole number from ${range}, got ${shown(value)}`);
}

/** Throws ChainruleError("usage") where `value` is none of a few words. */
export function requireOneOf(name: string, value: unknown, known: readonly string[]): void {
  if (!known.includes(value as string)) {
    const words = known.map((word) => `"${word}"`);
    throw new ChainruleError("usage", `${name} must be ${words.join(" or ")}, got ${shown(value)}`);
  }
}

/** Throws ChainruleError("usage") naming the first field that is not known: a slip of the pen would do nothing, silently. */
export function requireKnownFields(what: string, given: object, known: readonly string[]): void {
  if (typeof given !== "object" || given === null) {
    throw new ChainruleError("usage", `${what}: an object of options is needed, got ${shown(given)}`);
  }
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new ChainruleError(
    "usage",
    `${what}: unknown option ${JSON.stringify(unknown)}; known are ${known.join(", ")}`,
  );
}

/** Throws ChainruleError("usage") where a file's bytes come as something else: an ArrayBuffer, a path. */
export function requireBytes(what: string, bytes: unknown): void {
  // By name: `instanceof` is false for what another realm made, a test runner's or a frame's.
  if ((bytes as Uint8Array | null)?.[Symbol.toStringTag] === "Uint8Array") return;
  throw new ChainruleError("usage", `${what}: a file's bytes are needed as a Uint8Array: new Uint8Array(arrayBuffer)`);
}

/** Throws ChainruleError("usage") where `pairs` has no pairs: an object with names as keys, say. */
export function requirePairs(what: string, pairs: unknown): void {
  if (typeof (pairs as Iterable<unknown> | null)?.[Symbol.iterator] === "function") return;
  const advice = "a Map, or pairs of a name and an array: Object.entries(object)";
  throw new ChainruleError("usage", `${what}: arrays by name are needed as ${advice}`);
}

/** Throws ChainruleError("usage") where arrays by name do not come as a Map. */
export function requireMap(what: string, map: unknown): void {
  if (typeof (map as Map<string, unknown> | null)?.get === "function") return;
  throw new ChainruleError("usage", `${what}: a Map of arrays by name is needed: new Map(Object.entries(object))`);
}

const shown = (value: unknown): string => (typeof value === "string" ? JSON.stringify(value) : String(value));

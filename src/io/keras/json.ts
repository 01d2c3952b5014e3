import { ChainruleError } from "../../core/errors.ts";
import { findJsonFault } from "../json/faults.ts";
import { brief } from "../safetensors/header.ts";

/** Every error of a Keras or TensorFlow.js file: ChainruleError "file". */
export function refuse(message: string, options?: ErrorOptions): never {
  throw new ChainruleError("file", `keras: ${message}`, options);
}

export type Json = Readonly<Record<string, unknown>>;

/** Structure only, without weights; and deeper than any model of layers one behind the other. */
const MOST_BYTES = 2 ** 24;
const MOST_DEPTH = 24;

/** The object that the text of a file is. */
export function parseObject(bytes: Uint8Array, name: string): Json {
  if (bytes.length > MOST_BYTES)
    refuse(`${name}: ${bytes.length} bytes, more than the ${MOST_BYTES} of a model's structure`);
  let value: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const fault = findJsonFault(text, MOST_DEPTH);
    if (fault?.kind === "duplicate") refuse(`${name}: the name ${brief(fault.key)} occurs twice in an object`);
    if (fault?.kind === "depth") refuse(`${name} is nested more than ${MOST_DEPTH} deep`);
    value = JSON.parse(text);
  } catch (cause) {
    if (cause instanceof ChainruleError) throw cause;
    refuse(`${name} is not JSON in UTF-8`, { cause });
  }
  // Python's to_json gives text; saved once more as JSON it is a text within a text.
  if (typeof value === "string") return parseObject(new TextEncoder().encode(value), name);
  return objectOf(value, name);
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function objectOf(value: unknown, what: string): Json {
  return isObject(value) ? value : refuse(`${what} must be an object, got ${brief(value)}`);
}

export function listOf(value: unknown, what: string, most: number): readonly unknown[] {
  if (!Array.isArray(value)) return refuse(`${what} must be a list, got ${brief(value)}`);
  return value.length <= most ? value : refuse(`${what}: ${value.length} entries, more than ${most}`);
}

export function textOf(value: unknown, what: string): string {
  return typeof value === "string" ? value : refuse(`${what} must be text, got ${brief(value)}`);
}

/** A finite number; what is missing, or null, is the fallback. */
export function numberOf(value: unknown, fallback: number, what: string): number {
  const number = value ?? fallback;
  return typeof number === "number" && Number.isFinite(number)
    ? number
    : refuse(`${what} must be a number, got ${brief(value)}`);
}

/** True or false; what is missing, or null, is the fallback. */
export function flagOf(value: unknown, fallback: boolean, what: string): boolean {
  const flag = value ?? fallback;
  return typeof flag === "boolean" ? flag : refuse(`${what} must be true or false, got ${brief(value)}`);
}

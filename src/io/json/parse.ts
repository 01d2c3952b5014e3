import { ChainruleError } from "../../core/errors.ts";
import { brief } from "../../core/format.ts";
import { findJsonFault } from "./faults.ts";

export interface JsonLimits {
  /** Most bytes of the file; 4 MiB unless told otherwise. */
  readonly maxBytes?: number;
  /** Most brackets that are open at once; 16 unless told otherwise. */
  readonly maxDepth?: number;
}

/**
 * JSON from a file of the user's: no larger and no deeper than the limits, in UTF-8, and with no key twice in an object
 * (where a reader would silently take the last). Throws ChainruleError "file" naming the file.
 */
export function parseJson(name: string, file: string | Uint8Array, limits: JsonLimits = {}): unknown {
  const { maxBytes = 4 * 2 ** 20, maxDepth = 16 } = limits;
  const fail = (message: string, cause?: unknown): never => {
    throw new ChainruleError("file", `${name}: ${message}`, { cause });
  };
  if (file.length > maxBytes) fail(`${file.length} bytes, more than the ${maxBytes} that are accepted`);
  let text: string;
  try {
    text = typeof file === "string" ? file : new TextDecoder("utf-8", { fatal: true }).decode(file);
  } catch (cause) {
    return fail("not UTF-8 text", cause);
  }
  const fault = findJsonFault(text, maxDepth);
  if (fault?.kind === "duplicate") fail(`the key ${brief(fault.key)} occurs twice`);
  if (fault?.kind === "depth") fail(`nested more than ${maxDepth} deep`);
  try {
    return JSON.parse(text);
  } catch (cause) {
    return fail(`not JSON: ${cause instanceof Error ? cause.message.slice(0, 100) : ""}`, cause);
  }
}

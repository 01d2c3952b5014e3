import { ChainruleError } from "../../core/errors.ts";

/** Throws ChainruleError "file" that names the file. */
export function refuseParquet(name: string, message: string, cause?: unknown): never {
  throw new ChainruleError("file", `${name}: ${message}`, cause === undefined ? {} : { cause });
}

/** For what is not as the format has it: caught where the name of the file is known. */
export class Damaged extends Error {}

/** Bytes that a column holds in place of texts or numbers, as pictures and packed arrays are stored. */
export class NoText extends Damaged {}

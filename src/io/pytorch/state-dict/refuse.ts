import { ChainruleError } from "../../../core/errors.ts";

/** Every error of a file of PyTorch's: ChainruleError "file". */
export function refuse(message: string, options?: ErrorOptions): never {
  throw new ChainruleError("file", `pytorch: ${message}`, options);
}

/** A name out of a file, fit for a message. */
export const brief = (name: string): string => JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}...` : name);

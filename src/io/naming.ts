import { ChainruleError } from "../core/errors.ts";

/** The error as one that says which file it is about. */
export function named(file: string, error: unknown): unknown {
  if (!(error instanceof ChainruleError) || error.message.includes(file)) return error;
  return new ChainruleError(error.code, `${file}: ${error.message}`, { cause: error.cause ?? error });
}

/** What `read` gives; its errors say which file they are about. */
export async function naming<T>(file: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw named(file, error);
  }
}

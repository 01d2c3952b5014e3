/** Compiles wasm/ for the host, where it has changed. */
export function ensureWasm(): Promise<void>;
/** The bytes of a module of wasm/ compiled with further flags, each source passed through `edit`. */
export function compile(
  flags: readonly string[],
  edit?: (text: string, name: string) => string,
  entry?: "index" | "late",
): Promise<Uint8Array<ArrayBuffer>>;

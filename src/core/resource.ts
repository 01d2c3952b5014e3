/// <reference lib="esnext.disposable" preserve="true" />
import { ChainruleError } from "./errors.ts";

// An engine may lack the symbols that `using` looks for; methods under these then wait for nobody, and harm nobody.
const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");
const ASYNC_DISPOSE: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");

/** Something that holds memory, on a device or here, until it is disposed of. */
export interface Resource extends Disposable, AsyncDisposable {
  /**
   * Gives everything back, now. A second call does nothing. Whatever is used afterwards throws, or rejects with,
   * ChainruleError "disposed", and so does work that was on its way.
   */
  dispose(): void;
}

/** What `using` and `await using` call at the end of a block. */
export abstract class Disposing implements Resource {
  abstract dispose(): void;

  /** For `using`: the same as dispose(). */
  [DISPOSE](): void {
    this.dispose();
  }

  /** For `await using`: the same as dispose(). */
  async [ASYNC_DISPOSE](): Promise<void> {
    this.dispose();
  }
}

/** The same for an object that is of no class: it gets the methods that `using` calls. */
export function disposing<T extends { dispose(): void }>(object: T): T & Resource {
  const end = (): void => object.dispose();
  return Object.assign(object, { [DISPOSE]: end, [ASYNC_DISPOSE]: async () => end() });
}

/** The error of whoever uses `what` after its end. */
export function disposedError(what: string): ChainruleError {
  return new ChainruleError("disposed", `${what} has been disposed of: make a new one`);
}

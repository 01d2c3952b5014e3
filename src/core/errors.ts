/**
 * What went wrong, for programs to branch on. The message is for people, and may change.
 *
 * - `shape`: arrays that do not fit together, or hold another number of values than their shape says.
 * - `value`: a number that a computation cannot take.
 * - `model`: a model that makes no sense: an unknown layer, widths that do not meet.
 * - `data`: rows that the model cannot learn from: a NaN, a label beyond the classes, another width.
 * - `file`: bytes, weights or a state that are damaged, or belong to another model.
 * - `limit`: more than this device can hold or bind. A smaller net or batch, or another backend, will do.
 * - `device`: WebGPU refused something, or an error that nobody caught was found on the device.
 * - `lost`: the GPU device is gone, and its memory with it. A trainer goes on by itself where it can: this is the end of that.
 * - `adapter`: there is no GPU, or no WebAssembly, to be had here. Another backend will do.
 * - `usage`: an argument or an option that cannot be meant.
 * - `not-finite`: a loss or a gradient became NaN or infinite. The update was left out: the weights are finite.
 * - `aborted`: the caller's own AbortSignal was given.
 * - `disposed`: used, or still at work, after dispose().
 */
export type ErrorCode =
  | "shape"
  | "value"
  | "model"
  | "data"
  | "file"
  | "limit"
  | "device"
  | "lost"
  | "adapter"
  | "usage"
  | "precision"
  | "not-finite"
  | "aborted"
  | "disposed";

/**
 * Every error Chainrule raises on purpose. The message names what was wrong and what to do about it,
 * so that a command can print it on one line.
 *
 * There is this one class and no subclasses: errors cross from workers to pages, and between two copies of the library
 * in one program, where `instanceof` fails and a code still says what happened.
 */
export class ChainruleError extends Error {
  /** What went wrong, for programs. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ChainruleError";
    this.code = code;
  }
}

/** What was thrown, whatever it is, in words. */
export const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** What went wrong, for programs to branch on. The message is for people. */
export type ErrorCode =
  | "shape"
  | "value"
  | "model"
  | "data"
  | "file"
  | "limit"
  | "device"
  /** The GPU device is gone, and its memory with it: see train/recovery.ts. */
  | "lost"
  | "adapter"
  | "usage"
  | "precision"
  | "not-finite"
  | "aborted";

/**
 * Every error Chainrule raises on purpose. The message names what was wrong and what to do about it,
 * so that a command can print it on one line.
 */
export class ChainruleError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ChainruleError";
    this.code = code;
  }
}

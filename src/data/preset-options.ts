/** Gives the bytes of a file of `public/data` by its name: fetch in a page, fs in Node. */
export type ReadFile = (file: string) => Promise<Uint8Array>;

/** Which rows of a data set are wanted. */
export interface DataPresetOptions {
  /** Decides the rows of the drawn sets. The sets that are read, and their test rows, do not depend on it. */
  readonly seed: number;
  /** Number of training rows: rows to draw, or how many of the rows read to train on, an equal share of each class. */
  readonly n?: number;
}

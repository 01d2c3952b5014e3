import type { Preprocessing } from "../data/preprocessing.ts";
import type { RowSource, Rows } from "../train/data/row-source.ts";
import type { DataSummary } from "./data-summary.ts";

/** The rows of a run, in the form that its loss takes, and how new rows are made like them. */
export interface RunData {
  readonly train: Rows | RowSource;
  readonly validation: Rows | RowSource | null;
  readonly test: Rows | RowSource | null;
  readonly preprocessing: Preprocessing;
  /** What is predicted from what. */
  readonly summary: DataSummary;
}

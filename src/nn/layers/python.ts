import type { PerDimension } from "./dimensions.ts";

/** A setting as Python writes it: "3", or "(3, 5)". */
export const tuple = (value: PerDimension): string => {
  if (typeof value === "number") return `${value}`;
  return value.length === 1 ? `(${value[0]},)` : `(${value.join(", ")})`;
};

export const python = (on: boolean): string => (on ? "True" : "False");

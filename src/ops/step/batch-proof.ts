import type { Proof } from "../../graph/op.ts";
import type { BatchIndexAttrs } from "./batch.ts";

export const batchIndex: Proof<BatchIndexAttrs> = {
  cases: [
    { order: "shuffle", batch: 32, n: 100, seed: 7 },
    { order: "shuffle", batch: 5, n: 1, seed: 1 },
    { order: "shuffle", batch: 300, n: 1797, seed: 4294967295 },
    { order: "sequential", batch: 33, n: 50, seed: 0 },
    { order: "chunk", batch: 8, n: 24, seed: 0 },
  ].map((attrs) => ({
    name: `${attrs.order} ${attrs.batch} of ${attrs.n}`,
    inputs: [{ shape: [4], dtype: "u32", fill: [11, 3, 40 % attrs.n, 0] }],
    attrs: attrs as BatchIndexAttrs,
  })),
};

export const gather: Proof<null> = {
  cases: [
    {
      name: "f32 rows",
      inputs: [
        { shape: [9, 7], dtype: "f32" },
        { shape: [40], dtype: "u32", fill: "classes", below: 9 },
      ],
      attrs: null,
    },
    {
      name: "rows of fours",
      inputs: [
        { shape: [9, 3, 4], dtype: "f32" },
        { shape: [21], dtype: "u32", fill: "classes", below: 9 },
      ],
      attrs: null,
    },
    {
      name: "labels",
      inputs: [
        { shape: [9], dtype: "i32", fill: "classes", below: 5 },
        { shape: [6], dtype: "u32", fill: "classes", below: 9 },
      ],
      attrs: null,
    },
  ],
};

export const drawBatch: Pick<Proof<BatchIndexAttrs>, "cases"> = {
  cases: [
    drawCase({ order: "shuffle", batch: 33, n: 50, seed: 7 }, [7], []),
    drawCase({ order: "shuffle", batch: 5, n: 9, seed: 3 }, [200], [3]),
    drawCase({ order: "sequential", batch: 300, n: 40, seed: 0 }, [2], []),
    drawCase({ order: "chunk", batch: 8, n: 24, seed: 0 }, [70], [1]),
    drawCase({ order: "shuffle", batch: 6, n: 20, seed: 9 }, [33], [], "i32"),
  ],
};

function drawCase(
  attrs: BatchIndexAttrs,
  rowX: readonly number[],
  rowY: readonly number[],
  dtype: "f32" | "i32" = "f32",
) {
  const y = { shape: [attrs.n, ...rowY], dtype: "f32" as const };
  const labels = { shape: [attrs.n], dtype: "i32" as const, fill: "classes" as const, below: 5 };
  return {
    name: `${attrs.order} ${attrs.batch} of ${attrs.n}, rows of ${rowX}`,
    inputs: [
      { shape: [4], dtype: "u32" as const, fill: [11, 3, 5, 0] },
      { shape: [attrs.n, ...rowX], dtype, ...(dtype === "i32" ? { fill: "integers" as const } : {}) },
      rowY.length === 0 ? labels : y,
    ],
    attrs,
  };
}

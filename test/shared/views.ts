import { expect } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { ndarray, sizeOf } from "../../src/core/ndarray.ts";
import { backward } from "../../src/graph/backward.ts";
import { Graph, type Tensor } from "../../src/graph/graph.ts";
import { add } from "../../src/ops/elementwise/add.ts";
import { matmul } from "../../src/ops/matmul/matmul.ts";
import { reshape } from "../../src/ops/shape/reshape.ts";
import { pack, slice } from "../../src/ops/shared/views.ts";

/** A graph with views of computed values, and what the host must read from it after a step. */
export interface ViewCase {
  readonly name: string;
  build(g: Graph): readonly (readonly [Tensor, readonly number[]])[];
}

const counting = (g: Graph, name: string, shape: readonly number[], from = 1): Tensor =>
  g.variable(
    name,
    ndarray(
      shape,
      "f32",
      Array.from({ length: sizeOf(shape) }, (_, i) => from + i),
    ),
  );

/** Values that come and go, and would take the memory of one that nobody reads any more. */
function others(g: Graph, x: Tensor, count = 4): Tensor {
  let y = x;
  for (let i = 0; i < count; i++) y = g.one(add, [y, x], null, `other ${i}`);
  return y;
}

export const viewCases: readonly ViewCase[] = [
  {
    name: "a kept view of a value that nothing reads afterwards",
    build(g) {
      const x = counting(g, "x", [2, 3]);
      const view = g.one(reshape, [g.one(add, [x, x], null, "twice")], { shape: [3, 2] });
      const last = others(g, x);
      return [
        [view, [2, 4, 6, 8, 10, 12]],
        [last, [5, 10, 15, 20, 25, 30]],
      ];
    },
  },
  {
    name: "a view of a view of a stretch",
    build(g) {
      const x = counting(g, "x", [2, 35]);
      const twice = g.one(add, [x, x], null, "twice");
      const part = g.one(slice, [twice], { offset: 64, shape: [6] });
      const view = g.one(reshape, [g.one(reshape, [part], { shape: [6, 1] })], { shape: [2, 3] });
      others(g, x);
      return [[view, [130, 132, 134, 136, 138, 140]]];
    },
  },
  {
    name: "a view that is read late keeps its source's memory",
    build(g) {
      const x = counting(g, "x", [2, 3]);
      const z = counting(g, "z", [3, 2], 10);
      const view = g.one(reshape, [g.one(add, [x, x], null, "twice")], { shape: [3, 2] });
      others(g, x);
      return [[g.one(add, [view, z], null, "sum"), [12, 15, 18, 21, 24, 27]]];
    },
  },
  {
    name: "a packed view, and a view of what is packed",
    build(g) {
      const x = counting(g, "x", [2, 3]);
      const y = counting(g, "y", [1, 4], 20);
      const view = g.one(reshape, [g.one(add, [x, x], null, "twice")], { shape: [3, 2] });
      const sum = g.one(add, [y, y], null, "y twice");
      others(g, x);
      const all = g.one(pack, [sum, view], { offsets: [0, 64], size: 128 });
      const seen = g.one(reshape, [all], { shape: [2, 64] });
      const row = (values: readonly number[]): number[] => Array.from({ length: 64 }, (_, i) => values[i] ?? 0);
      return [
        [seen, [...row([40, 42, 44, 46]), ...row([2, 4, 6, 8, 10, 12])]],
        [view, [2, 4, 6, 8, 10, 12]],
      ];
    },
  },
  {
    name: "gradients through views, packed",
    build(g) {
      const flat = counting(g, "flat", [128]);
      const x = g.one(slice, [flat], { offset: 0, shape: [2, 3] });
      const w = g.one(slice, [flat], { offset: 64, shape: [6] });
      const row = g.one(reshape, [x], { shape: [1, 6] });
      const column = g.one(reshape, [w], { shape: [6, 1] });
      const loss = g.one(reshape, [g.one(matmul, [row, column], null, "product")], { shape: [1] });
      const seed = g.variable("one", ndarray([1], "f32", [1]));
      const gradients = backward(g, loss, seed, [x, w], (a, b) => g.one(add, [a, b], null, "sum"));
      const dx = gradients.get(x)!;
      const all = g.one(pack, [dx, gradients.get(w)!], { offsets: [0, 64], size: 128 });
      expect(dx.shape).toEqual([2, 3]);
      const line = (from: number): number[] => Array.from({ length: 64 }, (_, i) => (i < 6 ? from + i : 0));
      return [
        [loss, [65 + 2 * 66 + 3 * 67 + 4 * 68 + 5 * 69 + 6 * 70]],
        [all, [...line(65), ...line(1)]],
      ];
    },
  },
];

/** Runs a case for several steps and compares everything that it keeps. */
export async function expectViews(backend: Backend, { build }: ViewCase, what: string = backend.kind): Promise<void> {
  const g = new Graph();
  const expected = build(g);
  const tensors = expected.map(([t]) => t);
  g.keep(...tensors);
  const executor = await backend.compile(g);
  try {
    const read = await executor.run(3, tensors);
    read.forEach((value, i) => {
      expect(value.shape, what).toEqual(tensors[i]!.shape);
      expect(Array.from(value.data), `${what}: ${tensors[i]!.name}`).toEqual(expected[i]![1]);
    });
  } finally {
    executor.dispose();
  }
}

import { describe, expect, test } from "vitest";
import { referenceBackend } from "../../../src/backend/reference/executor.ts";
import { ndarray, zeros } from "../../../src/core/ndarray.ts";
import { Graph, type Tensor } from "../../../src/graph/graph.ts";
import { planMemory } from "../../../src/graph/memory-plan.ts";
import type { Op } from "../../../src/graph/op.ts";
import { add } from "../../../src/ops/elementwise/add.ts";
import { reshape } from "../../../src/ops/shape/reshape.ts";
import { pack, slice } from "../../../src/ops/shared/views.ts";
import { expectViews, viewCases } from "../../shared/views.ts";

describe.each(["f32", "f64"] as const)("the reference in %s", (precision) => {
  test.each(viewCases)("$name", (c) => expectViews(referenceBackend(precision), c));
});

function graph(): { g: Graph; x: Tensor; twice: Tensor } {
  const g = new Graph();
  const x = g.variable("x", ndarray([4, 32], "f32", new Float32Array(128)));
  return { g, x, twice: g.one(add, [x, x], null, "twice") };
}

const plan = (g: Graph) => planMemory(g, g.nodes, () => []);

test("another number of elements is refused by name", () => {
  const { g, twice } = graph();
  expect(() => g.one(reshape, [twice], { shape: [5, 25] })).toThrow("reshape: [4, 32] has 128 elements, [5, 25] 125");
});

test("a kept view, of a view too, has its source's memory to itself", () => {
  const { g, x, twice } = graph();
  const view = g.one(reshape, [g.one(reshape, [twice], { shape: [128] })], { shape: [32, 4] });
  let y = x;
  for (let i = 0; i < 6; i++) y = g.one(add, [y, x], null, `other ${i}`);
  g.keep(view);
  const { places } = plan(g);
  const { buffer } = places.get(view)!.storage;
  expect(places.get(twice)!.storage.buffer).toBe(buffer);
  const sharing = g.nodes.flatMap((n) => n.outputs).filter((t) => places.get(t)!.storage.buffer === buffer);
  expect(sharing).toHaveLength(3);
});

test("a part of a value cannot be packed", () => {
  const { g, twice } = graph();
  const part = g.one(slice, [twice], { offset: 64, shape: [64] });
  g.one(pack, [part], { offsets: [0], size: 64 });
  expect(() => plan(g)).toThrow("slice cannot be packed: it is a part of another value");
});

test("one value cannot be packed twice, by views neither", () => {
  const { g, twice } = graph();
  const views = [[128], [2, 64]].map((shape) => g.one(reshape, [twice], { shape }));
  g.one(pack, views, { offsets: [0, 128], size: 256 });
  expect(() => plan(g)).toThrow("twice cannot be packed twice");
});

test("a variable cannot be packed, by a view neither", () => {
  const { g, x } = graph();
  g.one(pack, [g.one(reshape, [x], { shape: [128] })], { offsets: [0], size: 128 });
  expect(() => plan(g)).toThrow("x cannot be packed");
});

const negate: Op<null> = {
  name: "negate",
  infer: ([x]) => [x!],
  reference([x]) {
    for (let i = 0; i < x!.data.length; i++) x!.data[i] = -x!.data[i]!;
    return [x!];
  },
  gradient: "none",
  kernels: [],
  inPlace: [[0, 0]],
};

test("what is updated in place is not read through a view afterwards, nor packed", () => {
  const late = graph();
  const view = late.g.one(reshape, [late.twice], { shape: [128] });
  late.g.one(negate, [late.twice], null);
  const other = late.g.variable("other", zeros([128], "f32"));
  late.g.one(add, [view, other], null, "late");
  expect(() => plan(late.g)).toThrow("add reads twice after it was updated in place");

  const packed = graph();
  const updated = packed.g.one(negate, [packed.twice], null, "updated");
  packed.g.one(pack, [updated], { offsets: [0], size: 128 });
  expect(() => plan(packed.g)).toThrow("updated cannot be packed");
});

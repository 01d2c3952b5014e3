import { expect, test } from "vitest";
import { planFinite } from "../../src/check/finite-work.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { uniforms } from "../../src/core/philox.ts";
import { Graph } from "../../src/graph/graph.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { parseModel } from "../../src/nn/parse-model.ts";

/** 100 multiply-adds a row. */
const model = parseModel({ layers: [{ type: "linear", in: 10, out: 10, bias: false }], loss: "crossEntropy" });
const g = new Graph();
const tensors = Array.from({ length: 4 }, (_, i) => g.variable(`t${i}`, ndarray([1], "f32", [0])));
const parameters = new Set(tensors.slice(0, 2));
/** Elements of each tensor's gradient, a row at a time: one look is two ways forward of 101 multiplications. */
const plan = (work: number | null) => tensors.map(planFinite(model, 1, tensors, parameters, work));

test("without a limit every tensor has its own share, and a small net all of its elements", () => {
  expect(plan(null)).toEqual([64, 64, 64, 64]);
  expect(tensors.map(planFinite(model, 1e6, tensors, parameters, null))).toEqual([4, 4, 4, 4]);
});

test("a limit is shared by all; where it is short parameters come first, and each has its direction", () => {
  expect(plan(4 * 202 * 6)).toEqual([5, 5, 5, 5]);
  expect(plan(2 * 202 * 3)).toEqual([2, 2, null, null]);
  expect(plan(1)).toEqual([0, 0, null, null]);
  expect(plan(0)).toEqual([null, null, null, null]);
});

test("a check tells how far it is, looks along a direction alone, and ends when it is told to", async () => {
  const batch = { x: ndarray([3, 10], "f32", uniforms(1, 1, 1, 30)), y: ndarray([3], "i32", Int32Array.of(1, 2, 3)) };
  const options = { model, weights: initialise(model, 1), ...batch, backend: null };
  const told: [number, number][] = [];
  const report = await checkGradients({ ...options, finiteWork: 1, onProgress: (done, of) => told.push([done, of]) });
  expect(told.map(([done]) => done)).toEqual(told.map((_, i) => i));
  expect(told.at(-1)![1]).toBe(told.length);
  const looked = report.tensors.filter((t) => t.finite);
  expect(looked.map((t) => [t.name, t.finite!.checked, t.pass])).toEqual([["d 0.weight", 0, true]]);
  expect(looked[0]!.finite!.worst.index).toEqual([-1]);
  const abort = new AbortController();
  const cancelled = checkGradients({ ...options, signal: abort.signal, onProgress: () => abort.abort() });
  await expect(cancelled).rejects.toMatchObject({ code: "aborted" });
});

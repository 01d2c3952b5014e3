import { describe, expect, test } from "vitest";
import { checkOp } from "../../../src/check/op.ts";
import { ndarray } from "../../../src/core/ndarray.ts";
import type { AnyOp } from "../../../src/graph/op.ts";
import { gru, lstm, rnn, rnnRelu } from "../../../src/ops/recurrent/recurrent.ts";
import { lastStep, meanSteps } from "../../../src/ops/recurrent/steps.ts";
import { proofOf } from "../../../src/proof/proof-of.ts";

/**
 * The op with the outputs that its gradient rule differentiates, which is the first: what else an lstm or a gru gives is
 * for its own gradient alone. And without the cases that are long for the sake of several launches.
 */
async function first(op: AnyOp): Promise<AnyOp> {
  const proof = await proofOf(op);
  return {
    ...op,
    proof: { ...proof, cases: proof.cases.filter(({ inputs: [x] }) => x!.shape[1]! < 100) },
    reference: (inputs, attrs) =>
      op.reference(inputs, attrs).map((y, i) => (i === 0 ? y : { ...y, data: y.data.map(() => 0) as typeof y.data })),
    gradient(g, node, dys) {
      const rule = op.gradient as Exclude<AnyOp["gradient"], "none">;
      const outputs = g.add(op, node.inputs, node.attrs);
      return rule(g, { ...node, op, outputs }, dys);
    },
  };
}

describe.each<readonly [string, AnyOp]>([
  ["lstm", lstm],
  ["gru", gru],
  ["rnn", rnn],
  ["rnnRelu", rnnRelu],
  ["lastStep", lastStep],
  ["meanSteps", meanSteps],
])("%s", (_name, op) => {
  test("its gradient is what central differences say", async () => {
    const report = await checkOp(await first(op), { backend: null, samples: 6 });
    expect(report.reason).toBe("");
    expect(report.gradients.length).toBeGreaterThan(4);
    for (const { case: name, result } of report.gradients) {
      // On a kink of relu there is no slope.
      expect(result.checked, name).toBeGreaterThan(Math.min(result.size, 6) / 2 - 1);
    }
  });
});

describe("an lstm by hand", () => {
  const zeros = (shape: readonly number[]) => ndarray(shape, "f64", new Float64Array(shape.reduce((a, b) => a * b, 1)));

  test("one unit, two steps: gates i, f, g, o, the cell kept from the first", () => {
    const x = ndarray([1, 2, 4], "f64", [0.1, 0.2, 0.3, 0.4, -0.1, 0.5, 0.7, -0.2]);
    const w = ndarray([4, 1], "f64", [0.5, -0.5, 1, 2]);
    const [y, saved] = lstm.reference([x, w, zeros([4]), zeros([4])], { reverse: false });
    const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
    const c1 = sigmoid(0.1) * Math.tanh(0.3);
    const y1 = sigmoid(0.4) * Math.tanh(c1);
    const c2 = sigmoid(0.5 - 0.5 * y1) * c1 + sigmoid(-0.1 + 0.5 * y1) * Math.tanh(0.7 + y1);
    const y2 = sigmoid(-0.2 + 2 * y1) * Math.tanh(c2);
    expect(y!.data[0]).toBeCloseTo(y1, 14);
    expect(y!.data[1]).toBeCloseTo(y2, 14);
    expect(saved!.data[9]).toBeCloseTo(c2, 14);
  });

  test("a row beyond its length gives 0, and the way back begins at its last step", () => {
    const x = ndarray([1, 3, 1], "f64", [0.5, 0.25, 9]);
    const w = ndarray([1, 1], "f64", [0.5]);
    const lengths = ndarray([1], "i32", [2]);
    const [y] = rnn.reference([x, w, zeros([1]), zeros([1]), lengths], { reverse: true });
    const last = Math.tanh(0.25);
    expect([...y!.data]).toEqual([Math.tanh(0.5 + 0.5 * last), last, 0]);
  });

  test.each([
    ["another width", [[1, 2, 5], [4, 1], [4], [4]]],
    ["one bias", [[1, 2, 4], [4, 1], [4]]],
    ["lengths of other rows", [[1, 2, 4], [4, 1], [4], [4], [2]]],
  ])("%s is refused by name", (_what, shapes) => {
    const inputs = shapes.map((shape, i) => ({ shape, dtype: i === 4 ? ("i32" as const) : ("f32" as const) }));
    expect(() => lstm.infer(inputs, { reverse: false })).toThrow(/^lstm\(.*: expected x \[n, t, 4 h\], w \[4 h, h\]/);
  });
});

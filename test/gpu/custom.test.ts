import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { checkGradients, checkOp } from "../../src/check/index.ts";
import { customLayer, defineActivation, defineOp } from "../../src/custom.ts";
import { readWeights, writeWeights } from "../../src/io/weights/weights.ts";
import { initialise } from "../../src/nn/initialise.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { parameterSpecs } from "../../src/nn/parameter-specs.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { relu } from "../../src/ops/elementwise/activations.ts";
import { crossEntropy } from "../../src/ops/loss/cross-entropy.ts";
import { gate, mish, mishLayer, multiplyOp, scaleColumnsOp } from "../shared/custom.ts";
import { openGpu } from "../shared/gpu.ts";
import { ring } from "../shared/problems.ts";

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

describe("checkOp passes what is right", () => {
  test("an activation: four kernels' cases, the form for the chip, the gradient against differences", async () => {
    const report = await checkOp(mish(), { backend: gpu });
    expect(report.reason).toBe("");
    const names = new Set(report.kernels.map((k) => k.kernel));
    expect([...names].sort()).toEqual([
      ...["mish on the chip", "mish/flat", "mishGradient on the chip", "mishGradient/flat"],
    ]);
    expect(report.gradients.map((g) => g.case)).toEqual(["1", "3x5", "64x33", "700x3"]);
  });

  test("ops of a full record, and Chainrule's own", async () => {
    for (const op of [multiplyOp(), scaleColumnsOp(), relu, crossEntropy]) {
      expect(await checkOp(op, { backend: gpu })).toMatchObject({ pass: true, reason: "" });
    }
    const { kernels, gradients } = await checkOp(scaleColumnsOp(), { backend: gpu });
    // What the gradient is made of is checked along with it.
    expect(kernels.map((k) => k.op)).toContain("multiply");
    expect(gradients.map((g) => g.input)).toEqual([0, 1, 0, 1]);
  });
});

describe("checkOp catches what is wrong, and says what", () => {
  const square = { name: "square", fn: (x: number) => x * x, dfn: (x: number) => 2 * x };
  const wgsl = { wgsl: "x * x", wgslGradient: "2.0 * x" };
  const wrong = {
    "a derivative": [defineActivation({ ...square, ...wgsl, dfn: (x) => x }), /the gradient of input 0/],
    "a kernel": [defineActivation({ ...square, ...wgsl, wgsl: "abs(x)" }), /square\/flat on .* computed/],
    "a gradient's kernel": [defineActivation({ ...square, ...wgsl, wgslGradient: "x" }), /squareGradient\/flat/],
    "mish without its second term": [mish({ wgslGradient: "mishTanh(x)" }), /mishGradient\/flat/],
    "a constant that is a thousandth off": [mish({ wgsl: "1.001 * x * mishTanh(x)" }), /mish\/flat/],
    "columns for rows": [scaleColumnsOp({ kernel: "y[i] = x[i] * s[i / params.width % params.width];" }), /flat/],
    "a write behind the end": [
      scaleColumnsOp({ kernel: "y[i] = x[i] * s[i % params.width]; if (i == 0u) { y[params.size] = 1.0; }" }),
      /wrote behind the end/,
    ],
    "a gradient that is forgotten": [
      scaleColumnsOp({ gradient: (_g, _node, [dy]) => [dy!, null] }),
      /the gradient of input 0/,
    ],
    "a gradient of another shape": [
      scaleColumnsOp({ gradient: (_g, _node, [dy]) => [null, dy!] }),
      /the gradient of input 1 is \[3, 5\], the input \[5\]/,
    ],
    "a rule for too few inputs": [scaleColumnsOp({ gradient: (_g, _n, [dy]) => [dy!] }), /1 gradients for 2 inputs/],
  } as const;

  test.each(Object.entries(wrong))("%s", async (_name, [op, message]) => {
    const report = await checkOp(op, { backend: gpu });
    expect(report.pass).toBe(false);
    expect(report.reason).toMatch(message);
  });

  test("without a device the gradient is checked alone", async () => {
    const [op] = wrong["a derivative"];
    expect((await checkOp(op, { backend: null })).pass).toBe(false);
    const [kernel] = wrong["a kernel"];
    expect(await checkOp(kernel, { backend: null })).toMatchObject({ pass: true, kernels: [] });
  });

  test("WGSL that does not compile is an error that names the kernel and the line", async () => {
    const broken = defineActivation({ ...square, ...wgsl, wgsl: "x * y" });
    await expect(checkOp(broken, { backend: gpu })).rejects.toThrow(/square\/flat does not compile: line/);
  });
});

const layers = [{ type: "linear", in: 2, out: 12 }, mishLayer(), gate(12), { type: "linear", in: 12, out: 2 }];
const model: ModelSpec = parseModel({ layers, loss: "crossEntropy" });

test("the check of gradients goes through a net with layers of one's own", async () => {
  const report = await checkGradients({ model, weights: initialise(model, 2), ...ring(20), backend: gpu });
  expect(report).toMatchObject({ pass: true, firstDivergent: null });
  const parameters = report.tensors.filter((t) => t.parameter);
  expect(parameters).toHaveLength(5);
  for (const t of parameters) expect(t.device?.pass && t.finite?.pass, t.name).toBe(true);
});

test("parameters have names, first values and a place in weights files", () => {
  expect(parameterSpecs(model).map((p) => [p.name, p.role])).toContainEqual(["2.scale", "scale"]);
  const weights = initialise(model, 1);
  expect([...weights.get("2.scale")!.data]).toEqual(new Array(12).fill(1));
  expect(readWeights(writeWeights(model, weights), model)).toEqual(weights);
  const bent = customLayer({ name: "bent", parameters: { a: { shape: [3], first: 0.25 } }, build: (_g, x) => x });
  const net = parseModel({ layers: [{ type: "linear", in: 2, out: 3 }, bent], loss: "mse" });
  expect([...initialise(net, 1).get("1.a")!.data]).toEqual([0.25, 0.25, 0.25]);
});

describe("what cannot be meant is refused by name", () => {
  const build = (_g: unknown, x: unknown) => x as never;
  const fns = { fn: (x: number) => x, dfn: () => 1, wgsl: "x", wgslGradient: "1.0" };
  test.each([
    [() => defineActivation({ ...fns, name: "relu" }), /there is an activation "relu" already/],
    [() => defineActivation({ ...fns, name: "a b" }), /needs a name of letters and digits, got "a b"/],
    [() => defineActivation({ ...fns, name: "a", wgsl: " " }), /a: wgsl must be an expression/],
    [() => defineActivation({ ...fns, name: "a", dfn: undefined as never }), /a: dfn must be a function/],
    [() => defineOp({ ...multiplyOp(), cases: [] }), /op multiply: cases must be a list/],
    [
      () => defineOp({ ...multiplyOp(), cases: [], reference: 1 as never }),
      /op multiply: reference must be a function/,
    ],
    [() => defineOp({ ...multiplyOp(), cases: [], kernels: [{}] as never }), /op multiply: kernels must be a list of/],
    [() => customLayer({ name: "", build }), /needs a name/],
    [() => customLayer({ name: "a", build: 3 as never }), /build must be a function/],
    [() => customLayer({ name: "a", in: 0, build }), /"in" must be a whole number/],
    [() => customLayer({ name: "a", parameters: { w: { shape: [0] } }, build }), /the shape of w must be/],
    [() => customLayer({ name: "a", parameters: { "w.b": { shape: [1] } }, build }), /"w.b" is no name/],
    [() => parseModel(JSON.parse(JSON.stringify(model))), /a custom layer is code, which a file cannot hold/],
    [
      () =>
        parseModel({
          layers: [{ type: "linear", in: 2, out: 3 }, customLayer({ name: "a", in: 4, build })],
          loss: "mse",
        }),
      /layer 1 \(a\) takes 4 values, but the layer before it gives 3/,
    ],
  ])("%#", (make, message) => {
    expect(make).toThrow(message);
  });

  test("a layer that gives another width than it says", async () => {
    const narrow = customLayer({ name: "narrow", out: 7, build: (_g, x) => x });
    const net = parseModel({ layers: [{ type: "linear", in: 2, out: 3 }, narrow], loss: "crossEntropy" });
    const check = checkGradients({ model: net, weights: initialise(net, 1), ...ring(4), backend: null });
    await expect(check).rejects.toThrow(/layer 1.narrow: build must give f32 \[4, 7\], it gave f32 \[4, 3\]/);
  });
});

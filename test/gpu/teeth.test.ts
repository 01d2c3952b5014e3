import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type WebGpuBackend, webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { conform } from "../../src/backend/webgpu/conform.ts";
import { createNodeGpu } from "../../src/backend/webgpu/node.ts";
import { conformAll } from "../../src/check/conformance.ts";
import { ops } from "../../src/ops/index.ts";
import { openGpu, opNamed } from "../shared/gpu.ts";

/** A wrong kernel: in `op`'s kernel `kernel`, `from` becomes `to`. Every one must be caught by some case. */
interface Mutant {
  readonly op: string;
  readonly kernel: string;
  readonly what: string;
  readonly from: string | RegExp;
  readonly to: string;
}

const products = ["matmul", "transposeMatmul"];
const each = (names: readonly string[], kernel: string, what: string, from: string | RegExp, to: string): Mutant[] =>
  names.map((op) => ({ op, kernel: `${op}/${kernel}`, what, from, to }));
const one = (op: string, kernel: string, what: string, from: string | RegExp, to: string): Mutant => ({
  op,
  kernel: `${op}/${kernel}`,
  what,
  from,
  to,
});

const mutants: readonly Mutant[] = [
  ...each(products, "naive", "the first k is dropped", "var k = 0u; k < params.K", "var k = 1u; k < params.K"),
  ...each(products, "naive", "the last k is dropped", "k < params.K", "k + 1u < params.K"),
  ...each(products, "tiled", "a barrier is missing", /workgroupBarrier\(\);\n {4}for/, "for"),
  ...each(
    products,
    "tiled",
    "the tile of A is read transposed",
    "tileA[local.y * 16u + k]",
    "tileA[k * 16u + local.y]",
  ),
  ...each(
    products,
    "tiled",
    "the inner loop stops one short",
    "for (var k = 0u; k < 16u;",
    "for (var k = 0u; k < 15u;",
  ),
  ...each(products, "tiled", "the edge of K is not guarded", "&& ak < params.K", ""),
  ...each(products, "block32", "the fourth row is computed from the third", "a0.w", "a0.z"),
  ...each(products, "block32", "the edge of N is off by one", "n + 3u < params.N", "n + 2u < params.N"),
  ...each(
    products,
    "block32",
    "a transpose in registers is missing",
    "transpose(mat4x4<f32>(r0, r1, r2, r3))",
    "mat4x4<f32>(r0, r1, r2, r3)",
  ),
  ...each(
    products,
    "block32",
    "two blocks of depth are swapped",
    "blockA[at + 8u] = piece[1]",
    "blockA[at + 8u] = piece[2]",
  ),
  ...each(products, "block64-wide", "B starts at the row of A", "load_b(n0 +", "load_b(m0 +"),
  ...each(products, "block64", "the lower four rows are those of the upper", "local.y * 2u + 1u", "local.y * 2u"),
  ...each(products, "block64-double", "the barrier is missing", "workgroupBarrier();", ""),
  ...each(products, "block128", "the right half of B is read as the left", "+ 16u + local.x", "+ local.x"),
  ...each(products, "tall", "the last row is the one before", "acc[30] = fma(row15", "acc[30] = fma(row14"),
  ...each(products, "tall", "the edge of M is off by one", "params.M - 1u", "params.M - 2u"),
  ...each(products, "tall", "a column is left out", "acc[31] = fma", "acc[29] = fma"),
  ...each(products, "tall-quads", "a row comes from the wrong lane", /(let row5_0 = .*), 1u/, "$1, 2u"),
  ...each(products, "tall-quads", "lanes load rows of their neighbours", "place % 4u * 4u", "(place + 1u) % 4u * 4u"),
  ...each(products, "tall-quads", "the last quad of a workgroup is left out", "place / 8u", "min(place / 8u, 2u)"),
  ...each(products, "direct", "the fourth row is the third", "acc3 += ", "acc2 += "),
  ...each(products, "direct", "the edge of N is off by one", "n + 3u < params.N", "n + 2u < params.N"),
  ...each(products, "direct-split", "a slice begins one late", "var k = kBegin", "var k = kBegin + 4u * group.z"),
  ...each(products, "direct-split", "the last slice is not added", "s < params.slices", "s + 1u < params.slices"),
  ...each(products, "row", "the last slice is not added", "s < 8u", "s < 7u"),
  ...each(products, "row", "the edge of N is off by one", "n + 1u < params.N", "n < params.N"),
  one("transposeMatmul", "naive", "A is used as it lies", "k * params.lda + m", "m * params.lda + k"),
  one(
    "outerProduct",
    "scalar",
    "the factors are swapped",
    "a[e / params.N] * b[e % params.N]",
    "a[e % params.N] * b[e / params.N]",
  ),
  one("outerProduct", "vec4", "the rows are off by one", "e / params.N", "(e + 1u) / params.N"),
  one("linear", "tiled", "the bias is forgotten", "value += bias[params.biasOffset + n];", ""),
  one("linear", "block32", "the activation is forgotten", "value = activation(value, params.alpha);", ""),
  one("addBias", "flat", "the bias goes down the rows", "b[i % params.N]", "b[i / params.N]"),
  one("sumRows", "lanes", "one lane is left out", "m += 16u", "m += 17u"),
  one("sumRows", "column", "the last row is dropped", "m < params.M", "m + 1u < params.M"),
  one("crossEntropyGradient", "short", "1 / batch is forgotten", "dloss[0] * params.extra", "dloss[0]"),
  one(
    "crossEntropy",
    "short",
    "the label's logit is off by a row",
    "x[start + u32(labels[i])] - top",
    "x[u32(labels[i])] - top",
  ),
  one("relu", "flat", "the sign is wrong", "max(x, 0.0)", "min(x, 0.0)"),
  one("reluGradient", "flat", "1 everywhere", "select(0.0, 1.0, y > 0.0)", "1.0"),
  one("leakyReluGradient", "flat", "the slope is forgotten", "select(alpha, 1.0", "select(0.0, 1.0"),
  one("sigmoidGradient", "flat", "y for y (1 - y)", "y * (1.0 - y)", "y"),
  one("tanhGradient", "flat", "1 - y for 1 - y^2", "(1.0 - y) * (1.0 + y)", "1.0 - y"),
  one(
    "gelu",
    "flat",
    "the tanh approximation",
    "x * normalCdf(x)",
    "0.5 * x * (1.0 + tanh(0.7978846 * (x + 0.044715 * x * x * x)))",
  ),
  one("geluGradient", "flat", "the second term is forgotten", "+ x * normalPdf(x)", ""),
  one("siluGradient", "flat", "the second term is forgotten", "(1.0 + x * safeSigmoid(-x))", "1.0"),
  one("softplus", "flat", "log without the 1 +", "log1pUnit(exp(-abs(x)))", "exp(-abs(x))"),
  one("softmax", "row", "not divided by the sum", "/ sum;", ";"),
  one("softmaxGradient", "row", "the sum is forgotten", "(dy[start + j] - dot)", "dy[start + j]"),
  one(
    "layerNorm",
    "row",
    "variance by N - 1",
    "local) / count + params.extra",
    "local) / (count - 1.0) + params.extra",
  ),
  one("layerNormGradient", "row", "the mean of g is forgotten", "- sumG -", "-"),
  one("layerNormScaleGradient", "column", "the last row is dropped", "m < params.M", "m + 1u < params.M"),
  one("dropout", "flat", "not scaled by 1 / (1 - p)", "x[i] * params.scale", "x[i]"),
  one("dropout", "flat", "the step does not count", "params.stream, cursor[0], i", "params.stream, 0u, i"),
  one(
    "crossEntropy",
    "row",
    "the maximum is not subtracted from the label's",
    "(x[start + u32(labels[row])] - top)",
    "x[start + u32(labels[row])]",
  ),
  one("crossEntropyGradient", "row", "1 / batch is forgotten", "dloss[0] * params.extra", "dloss[0]"),
  one("crossEntropyGradient", "row", "the label is not subtracted", "select(0.0, 1.0, j == u32(labels[row]))", "0.0"),
  one("crossEntropyWithGradient", "row", "the scale is forgotten", ") * scale;", ");"),
  one(
    "crossEntropyWithGradient",
    "short",
    "the sum is not of exponentials",
    "sum += exp(x[start + j] - top)",
    "sum += 1.0",
  ),
  one("crossEntropyWithGradient", "alone", "the loss is the last row's", "total += ", "total = "),
  one("crossEntropyWithGradient", "alone", "the loss is a sum", "loss[0] = total * params.scale", "loss[0] = total"),
  one("classWeightSums", "one", "rows count 1 each", "weights[u32(labels[i])]", "1.0"),
  one("weightedCrossEntropy", "row", "the label's weight is forgotten", "* own *", "*"),
  one("weightedCrossEntropy", "short", "classes count alike", "fma(weights[j],", "fma(1.0,"),
  one("weightedCrossEntropyGradient", "row", "the target is not smoothed", "- weights[j])", ")"),
  one(
    "weightedCrossEntropyGradient",
    "short",
    "the mean is over rows",
    "dloss[0] / sums[0]",
    "dloss[0] / f32(params.size)",
  ),
  one(
    "weightedCrossEntropyWithGradient",
    "row",
    "1 - smoothing is forgotten",
    "(1.0 - smoothing) * own * (log",
    "own * (log",
  ),
  one(
    "weightedCrossEntropyWithGradient",
    "short",
    "the sum of the classes is their number",
    "sums[1] * p",
    "f32(params.N) * p",
  ),
  one("weightedCrossEntropyWithGradient", "alone", "the loss is the last row's", "total += ", "total = "),
  one("mseWithGradient", "alone", "the loss is not scaled", "params.total", "1.0"),
  one("mseWithGradient", "partials", "the gradient is not scaled", "* params.scale", ""),
  one(
    "linearInputGradient",
    "naive",
    "the derivative is forgotten",
    "value *= derivative(v[at], params.alpha)",
    "value *= 1.0",
  ),
  one(
    "linearInputGradient",
    "direct",
    "the derivative is forgotten",
    "value *= derivative(v[at], params.alpha)",
    "value *= 1.0",
  ),
  one(
    "linearWeightGradient",
    "direct",
    "the last row is not added",
    "k < params.K; k++) { sum",
    "k + 1u < params.K; k++) { sum",
  ),
  one(
    "linearWeightGradient",
    "naive",
    "the last row is not added",
    "k < params.K; k++) { sum",
    "k + 1u < params.K; k++) { sum",
  ),
  one("drawBatch", "row", "y gets the rows in order", "data_y[row *", "data_y[i *"),
  one("drawBatch", "short", "y gets the rows in order", "data_y[row *", "data_y[i *"),
  one("controlAndRecord", "one", "the skipped step is not counted", "select(0u, 1u, control", "select(0u, 0u, control"),
  one(
    "controlAndRecord",
    "one",
    "the ring is off by one",
    "(cursor[0] % params.slots)",
    "((cursor[0] + 1u) % params.slots)",
  ),
  one("sumSquaredErrorGradient", "flat", "2p, as the tutorial's code has it", "2.0 * (p - t)", "2.0 * p"),
  one("mseGradient", "flat", "1 / size is forgotten", "* params.scale", ""),
  one("huberGradient", "flat", "not clamped", "clamp(p - t, -1.0, 1.0)", "p - t"),
  one("bceGradient", "flat", "the label is not subtracted", "safeSigmoid(p) - t", "safeSigmoid(p)"),
  one("mse", "partials", "every other element", "i += params.stride", "i += 2u * params.stride"),
  one("batchIndex", "flat", "one round is missing", "r < 6u", "r < 5u"),
  one("gather", "flat", "rows are off by one", "index[i / params.width]", "index[(i + 1u) / params.width]"),
  one(
    "gradientStats",
    "partials",
    "the first element is dropped",
    "let finite = select(four,",
    "let finite = select(select(four, vec4<f32>(), at == 0u),",
  ),
  one("gradientStats", "alone", "a stretch is cut short", "first + 256u", "first + 252u"),
  one("control", "one", "the gate ignores the loss", "&& !isNotFinite(loss[0])", ""),
  one("control", "one", "warm-up starts at 0", "f32(step + 1u)", "f32(step)"),
  one(
    "control",
    "one",
    "the ramp does not end",
    "f32(min(t, params.period)) / f32(params.period)))",
    "f32(t) / f32(params.period)))",
  ),
  one("record", "one", "the ring is off by one", "(cursor[0] % params.slots)", "((cursor[0] + 1u) % params.slots)"),
  one("sgd", "flat", "plain momentum for Nesterov's", "g = fma(keep1, s1, g);", "g = s1;"),
  one("adam", "flat", "no bias correction", "-lr / correction1", "-lr"),
  one("adam", "flat", "the root is forgotten", "sqrt(s2 / correction2)", "(s2 / correction2)"),
  one("adamw", "flat", "weight decay is forgotten", "p = fma(-lr * weightDecay, p, p);", ""),
  one("rmsprop", "flat", "the new square is not added", "add1 * g * g", "0.0 * g"),
  one("movingAverage", "flat", "it moves twice as far", "fma(rate,", "fma(2.0 * rate,"),
  one("movingAverage", "flat", "a closed gate lets it through", "if (control[1] == 0.0) { return; }", ""),
  one("adam", "flat", "the next block's rate", "let lr = lr * rates[block];", "let lr = lr * rates[block + 2u];"),
  one("sgd", "flat", "the decay's factor is forgotten", "weightDecay * rates[block + 1u]", "weightDecay"),
  one("penalty", "partials", "the sign counts", "abs(v)", "v"),
  one("penaltyGradient", "flat", "w for 2 w", "2.0 * params.l2", "params.l2"),
  one("penaltyGradient", "flat", "the data's gradient is forgotten", "dw[i] +", "0.0 +"),
  one("combine", "flat", "a plain sum", "params.beta * b[i]", "b[i]"),
  one("partCursor", "one", "rows begin again", "params.part * params.batch", "0u"),
  one("adagrad", "flat", "epsilon inside the root", "(sqrt(s1) + eps)", "sqrt(s1 + eps * 1e7)"),
];

describe("wrong kernels are caught, all of them", () => {
  let gpu: WebGpuBackend;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.dispose());

  test.each(mutants)("$kernel: $what", async ({ op: name, kernel: kernelName, from, to }) => {
    const op = opNamed(name);
    const kernel = op.kernels.find((k) => k.name === kernelName)!;
    let changed = 0;
    const edit = (code: string): string => {
      const edited = code.replace(from, to);
      if (edited !== code) changed++;
      return edited;
    };
    let caught = false;
    for (const c of op.cases) {
      const result = await conform(gpu.gpu, op, kernel, c, { edit });
      if (result && !result.pass) caught = true;
      if (caught) break;
    }
    expect(changed, "the mutation found its place in the code").toBeGreaterThan(0);
    expect(caught).toBe(true);
  });
});

describe("Dawn's null backend, which computes nothing", () => {
  test("fails every numeric case of every kernel", async () => {
    const idle = await webgpuBackend(await createNodeGpu({ backend: "null" }));
    const results = await conformAll(idle.gpu, ops);
    idle.dispose();
    expect(results.length).toBeGreaterThan(300);
    expect(results.filter((r) => r.pass).map((r) => `${r.kernel} ${r.case}`)).toEqual([]);
  });
});

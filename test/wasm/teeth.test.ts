import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../scripts/wasm.mjs";
import type { Backend } from "../../src/backend/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { conformGraph } from "../../src/check/conformance.ts";
import { opNamed } from "../shared/gpu.ts";

/** A wrong kernel: in a file of wasm/, `from` becomes `to`. Some case of each op named must catch it. */
interface Mutant {
  readonly ops: readonly string[];
  readonly file: string;
  readonly what: string;
  readonly from: string;
  readonly to: string;
}

const wrong = (ops: string, file: string, what: string, from: string, to: string): Mutant => ({
  ops: ops.split(" "),
  file,
  what,
  from,
  to,
});

const squares = "sumSquaredError mse huber bce";
const slopes = "mseGradient huberGradient bceGradient";
const activationNames = ["relu", "leakyRelu", "elu", "sigmoid", "tanh", "softplus", "gelu", "silu"];

const mutants: readonly Mutant[] = [
  wrong("matmul transposeMatmul", "panels", "the last step of depth is dropped", "k < depth;", "k + 1 < depth;"),
  wrong("matmul transposeMatmul", "panels", "the fourth row is the third's", "pa, 12)", "pa, 8)"),
  wrong("matmul transposeMatmul", "panels", "two halves of a line are swapped", "fresh ? low :", "fresh ? high :"),
  wrong("matmul", "panels", "the edge of a line stops one short", "n < columns;", "n + 1 < columns;"),
  wrong(
    "transposeMatmul",
    "panels",
    "panels are not turned",
    "i64x2.shuffle(t0, t2, 1, 3)",
    "i64x2.shuffle(t0, t2, 0, 2)",
  ),
  wrong(
    "transposeMatmul",
    "panels",
    "what is over of the depth is not packed",
    "if (k < K) packEdge",
    "if (k > K) packEdge",
  ),
  wrong("matmul", "panels", "tiles do not move across", "(part % across) * int(call, 7)", "0"),
  wrong("matmul transposeMatmul", "panels", "the depth starts again after a block", "k == 0);", "true);"),
  wrong("matmul linear", "product", "the third row is the second's", "pa + a2", "pa + a1"),
  wrong(
    "outerProduct matmul",
    "product",
    "one row: the columns of the edge are lost",
    "put(c + (<usize>n << 2), sum, N - n);",
    "",
  ),
  wrong("transposeMatmul", "product", "what is over of a dot product is dropped", "if (k < K) {", "if (k > K) {"),
  wrong("linear", "bias", "the bias goes wrong after the first four", "v128.load(b + c)", "v128.load(b)"),
  wrong("addBias", "bias", "the edge has no bias", "get(b + c, N - n)", "f32x4.splat(0)"),
  wrong("sumRows", "bias", "the last row is dropped", "m < M; m++) sum", "m + 1 < M; m++) sum"),
  wrong(
    "add",
    "bias",
    "the difference",
    "f32x4.add(get(a + o, end - i), get(b + o, end - i))",
    "f32x4.sub(get(a + o, end - i), get(b + o, end - i))",
  ),
  wrong(
    activationNames.join(" "),
    "activations",
    "the last elements are left",
    "if (i < end) put(",
    "if (i > end) put(",
  ),
  wrong("relu", "activations", "the sign is wrong", "return f32x4.max(x, s(0)); }", "return f32x4.min(x, s(0)); }"),
  wrong(
    "leakyReluGradient",
    "activations",
    "the slope is forgotten",
    "v128.bitselect(s(1), a,",
    "v128.bitselect(s(1), s(0),",
  ),
  wrong("sigmoidGradient", "activations", "y for y (1 - y)", "f32x4.mul(y, f32x4.sub(s(1), y))", "y"),
  wrong(
    "tanhGradient",
    "activations",
    "1 - y for 1 - y^2",
    "f32x4.mul(f32x4.sub(s(1), y), f32x4.add(s(1), y))",
    "f32x4.sub(s(1), y)",
  ),
  wrong(
    "geluGradient",
    "activations",
    "the second term is forgotten",
    "f32x4.add(normalCdf4(x), f32x4.mul(x, normalPdf4(x)))",
    "normalCdf4(x)",
  ),
  wrong(
    "siluGradient",
    "activations",
    "the second term is forgotten",
    "f32x4.add(s(1), f32x4.mul(x, sigmoid4(f32x4.neg(x))))",
    "s(1)",
  ),
  wrong(
    "elu",
    "activations",
    "exp for expm1",
    "f32x4.mul(tanh4(f32x4.mul(s(0.5), n)), f32x4.add(exp4(n), s(1)))",
    "exp4(n)",
  ),
  wrong(
    "softplus",
    "math",
    "the series of log1p is cut short",
    "p = f32x4.add(f32x4.mul(p, q), splat(0.33333333));",
    "",
  ),
  wrong("tanh", "math", "a coefficient of tanh near 0", "splat(0.13333333)", "splat(0.1)"),
  wrong(
    "sigmoid softmax silu",
    "math",
    "exp has a term less",
    "p = f32x4.add(f32x4.mul(p, r), splat(0.16666667));",
    "",
  ),
  wrong(
    "softmax",
    "rows",
    "the rest of a row is not divided",
    "put(p, f32x4.div(get(p, N - j), sum), N - j);",
    "if (j + 4 <= N) put(p, f32x4.div(get(p, 4), sum), 4);",
  ),
  wrong("softmaxGradient", "rows", "the sum is forgotten", "f32x4.sub(get(dy + c, N - j), dot)", "get(dy + c, N - j)"),
  wrong("crossEntropy", "rows", "the mean is a sum", "loss / <f64>M", "loss"),
  wrong("crossEntropy", "math", "the exponent is off by one", "(bits >> 52) - 1023", "(bits >> 52) - 1022"),
  wrong(
    "crossEntropyGradient",
    "rows",
    "1 / batch is forgotten",
    "load<f32>(at(call, 2)) / <f32>M",
    "load<f32>(at(call, 2))",
  ),
  wrong("crossEntropyGradient", "rows", "the label is not subtracted", "store<f32>(label, (p - 1) * scale);", ""),
  wrong("classWeightSums", "weighted-cross-entropy", "the first label for all", "<usize>m << 2)", "<usize>0)"),
  wrong("weightedCrossEntropy", "weighted-cross-entropy", "the target is not smoothed", "* smooth;", "* 0;"),
  wrong(
    "weightedCrossEntropyGradient",
    "weighted-cross-entropy",
    "the classes' weights are not subtracted",
    "all * p - load<f32>(weights + o)",
    "all * p",
  ),
  wrong("layerNorm", "norm", "variance by N - 1", "squares / <f64>N", "squares / <f64>(N - 1)"),
  wrong(
    "layerNormGradient",
    "norm",
    "the mean of g is forgotten",
    "f32x4.sub(f32x4.sub(g, meanG), f32x4.mul(xhat, meanGx))",
    "f32x4.sub(g, f32x4.mul(xhat, meanGx))",
  ),
  wrong(
    "layerNormScaleGradient",
    "norm",
    "the last row is dropped",
    "for (let m = 0; m < M; m++) {",
    "for (let m = 0; m + 1 < M; m++) {",
  ),
  wrong(squares, "losses", "the last elements are left", "for (; i < n; i++) {", "for (; i > n; i++) {"),
  wrong("mse", "losses", "the scale is forgotten", "all * <f64>float(call, 4)", "all"),
  wrong(slopes, "losses", "the scale is forgotten", "s(float(call, 5) * load", "s(load"),
  wrong(
    "sumSquaredErrorGradient mseGradient",
    "losses",
    "2p, as the tutorial's code has it",
    "slope(p: v128, t: v128): v128 { return f32x4.mul(s(2), f32x4.sub(p, t)); }",
    "slope(p: v128, t: v128): v128 { return f32x4.mul(s(2), p); }",
  ),
  wrong(
    "huberGradient",
    "losses",
    "not clamped below",
    "f32x4.max(s(-1), f32x4.min(s(1), f32x4.sub(p, t)))",
    "f32x4.min(s(1), f32x4.sub(p, t))",
  ),
  wrong("bceGradient", "losses", "the label is not subtracted", "f32x4.sub(sigmoid4(p), t)", "sigmoid4(p)"),
  wrong("batchIndex", "random", "one round is missing", "r < 24", "r < 20"),
  wrong("batchIndex", "data", "the chunk does not move", "(step % (n / batch)) * batch + i", "i"),
  wrong("dropout", "random", "nine rounds", "round < 10", "round < 9"),
  wrong("dropout", "data", "not scaled", "load<f32>(at(call, 0) + o) * scale", "load<f32>(at(call, 0) + o)"),
  wrong("dropout", "data", "the step does not count", "philox(<u32>i >> 2, step,", "philox(<u32>i >> 2, 0,"),
  wrong("gather", "data", "the first row for all", "at(call, 0) + row * bytes", "at(call, 0)"),
  wrong("countCorrect", "data", "the last of equals", "let best = 0;", "let best = 1;"),
  wrong("gradientStats", "step", "groups overlap", "start += groups * width", "start += width"),
  wrong(
    "control",
    "step",
    "the gate ignores the loss",
    "broken == 0 && isFinite1(load<f32>(at(call, 2)))",
    "broken == 0",
  ),
  wrong("control", "step", "warm-up starts at 0", "<f64>(step + 1)", "<f64>step"),
  wrong("control", "math", "a ramp's exponent is off by one", "(<i64>whole + 1023)", "(<i64>whole + 1022)"),
  wrong("control", "step", "the norm is not rooted", "sqrt<f64>(squares)", "squares"),
  wrong(
    "record",
    "step",
    "the ring is off by one",
    "(load<u32>(cursor) % word(call, 4)) << 4",
    "((load<u32>(cursor) + 1) % word(call, 4)) << 4",
  ),
  wrong(
    "record tally",
    "step",
    "an epoch too many",
    "load<u32>(cursor, 4) + next / n",
    "load<u32>(cursor, 4) + next / n + 1",
  ),
  wrong(
    "sgd",
    "optimizers",
    "plain momentum for Nesterov's",
    "f32x4.add(g, f32x4.mul(arg(call, 7), buffer))",
    "buffer",
  ),
  wrong(
    "movingAverage",
    "optimizers",
    "it moves away",
    "f32x4.sub(get(parameters + o, end - i), a)",
    "f32x4.sub(a, get(parameters + o, end - i))",
  ),
  wrong("adam adamw", "optimizers", "no bias correction", "f32x4.div(lr, s(load<f32>(control, 16)))", "lr"),
  wrong(
    "adam",
    "optimizers",
    "the root is forgotten",
    "f32x4.sqrt(f32x4.div(v, s(load<f32>(control, 20))))",
    "f32x4.div(v, s(load<f32>(control, 20)))",
  ),
  wrong("adamw", "optimizers", "weight decay is forgotten", "f32x4.sub(decayed,", "f32x4.sub(p,"),
  wrong(
    "rmsprop",
    "optimizers",
    "epsilon is forgotten",
    "f32x4.add(f32x4.sqrt(v), arg(call, 11))",
    "f32x4.mul(f32x4.sqrt(v), s(1.00001))",
  ),
  wrong(
    "adagrad",
    "optimizers",
    "the new square is not added",
    "f32x4.add(get(s1, count), f32x4.mul(g, g))",
    "get(s1, count)",
  ),
];

/** Files whose code can reach the same op: linear is a product, a bias and an activation. */
const families: Readonly<Record<string, string>> = { panels: "net", product: "net", bias: "net", activations: "net" };
const familyOf = (m: Mutant): string => families[m.file] ?? m.file;
/** Everything calls these, so their mutants have a build to themselves. */
const alone = ["math", "random"];

/** One build serves several mutants where none can hide behind another: one of a family. */
function rounds(all: readonly Mutant[]): Mutant[][] {
  const out: Mutant[][] = [];
  for (const m of all) {
    const free = out.find((round) => round.every((o) => !alone.includes(o.file) && familyOf(o) !== familyOf(m)));
    if (free && !alone.includes(m.file)) free.push(m);
    else out.push([m]);
  }
  return out;
}

describe.each(rounds(mutants).map((round, i) => [i + 1, round] as const))("wrong build %i", (_i, round) => {
  const places = new Map<Mutant, number>();
  let backend: Backend;
  beforeAll(async () => {
    const edit = (text: string, name: string): string => {
      let edited = text;
      for (const m of round.filter((r) => name.endsWith(`wasm/${r.file}.ts`))) {
        places.set(m, edited.split(m.from).length - 1);
        edited = edited.replaceAll(m.from, m.to);
      }
      return edited;
    };
    const bytes = await compile(["--optimizeLevel", "1"], edit);
    backend = await wasmBackend({ bytes, threads: 1 });
  }, 60_000);
  afterAll(() => backend.dispose());

  test.each(round.map((m) => [`${m.ops.join(", ")}: ${m.what}`, m] as const))("%s", async (_name, m) => {
    expect(places.get(m), "the mutation found its place in the source").toBeGreaterThan(0);
    for (const name of m.ops) {
      const op = opNamed(name);
      let caught = false;
      for (const c of op.cases) caught ||= !(await conformGraph(backend, op, c)).pass;
      expect(caught, `${name} notices`).toBe(true);
    }
  });
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import { onChip } from "../../src/check/on-chip.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { ops } from "../../src/ops/all.ts";
import { activations } from "../../src/ops/elementwise/activations.ts";
import { lazyActivations } from "../../src/ops/elementwise/lazy-activations.ts";
import { elementwiseLosses } from "../../src/ops/loss/losses.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import { openGpu, opNamed } from "../shared/gpu.ts";
import { conformOnChip } from "../shared/on-chip.ts";
import { mixedNet, ring } from "../shared/problems.ts";
import { convChipMutants } from "./mutants/conv.ts";
import { embeddingChipMutants } from "./mutants/embedding.ts";
import { normChipMutants } from "./mutants/norm.ts";
import { poolChipMutants } from "./mutants/pool.ts";
import { recurrentChipMutants } from "./mutants/recurrent.ts";
import { shapeChipMutants } from "./mutants/shape.ts";
import type { ChipMutant } from "./mutants.ts";

const terms: RegExp = /sum \+= [^;]+;/;
const products: RegExp = /\w+ \+= [^;{]+ \* [^;]+;/;
/** Every one must be caught by some case. */
const mutants: readonly ChipMutant[] = [
  ...convChipMutants,
  ...normChipMutants,
  ...shapeChipMutants,
  ...poolChipMutants,
  ...embeddingChipMutants,
  ...recurrentChipMutants,
  ["matmul", "terms are dropped", products, ""],
  ["transposeMatmul", "terms are dropped", products, ""],
  ["batchedMatmul", "terms are dropped", products, ""],
  ["batchedMatmul", "the first of the matrices for all", /let (n\d+) = \(n\d+ \/ \d+u\);/, "let $1 = 0u;"],
  ["outerProduct", "the factors are added", /\] \* values/, "] + values"],
  ["add", "the second is taken away", /\] \+ values/, "] - values"],
  ["addBias", "the bias goes down the rows", /% (\d+)u/, "/ $1u"],
  ["sumRows", "rows are dropped", terms, ""],
  ...Object.keys({ ...activations, ...lazyActivations }).flatMap((name): ChipMutant[] => [
    [name, "it is forgotten", new RegExp(`= ${name}\\(([^,]+), [^)]*\\)`), "= $1"],
    [`${name}Gradient`, "the derivative is forgotten", new RegExp(` \\* ${name}Gradient\\(.*\\);`), ";"],
  ]),
  ["softmax", "not divided by the sum", "/ sum;", ";"],
  ["softmaxGradient", "the sum is forgotten", "- dot)", ")"],
  ["layerNorm", "variance by N - 1", "/ count + ", "/ (count - 1.0) + "],
  ["layerNorm", "the mean is that of one sum, which rounds", /mu = mu \+ [^;]+;/, ""],
  ["layerNormGradient", "the mean of g is that of one sum", /sumG = sumG \+ [^;]+;/, ""],
  ["layerNormGradient", "the mean of g is forgotten", "- sumG -", "-"],
  ["layerNormScaleGradient", "only the last row counts", ", sum);", ", 0.0);"],
  ["dropout", "not scaled by 1 / (1 - p)", "* params.scale", ""],
  ["crossEntropy", "the label's logit is not picked", /own = select\([^;]+;/, ""],
  ["crossEntropyGradient", "1 / batch is forgotten", "* scale;", ";"],
  ["classWeightSums", "the label's weight is not picked", /\+= select\([^;]+;/, "+= 1.0;"],
  ["weightedCrossEntropy", "the label's weight is not picked", /own = select\([^;]+;/, ""],
  ["weightedCrossEntropyGradient", "the target is not smoothed", "+ share *", "+ 0.0 *"],
  ["weightedCrossEntropyGradient", "ignored targets are smoothed", />= 0\);/g, ">= -999);"],
  ...elementwiseLosses.flatMap(({ forward: { name } }): ChipMutant[] => [
    [name, "the last element alone counts", /\+= (\w+)Term/, "= $1Term"],
    [`${name}Gradient`, "what comes from behind is forgotten", / \* values\.v\d+\[0u\];/, ";"],
  ]),
  ["batchIndex", "one round is missing", "r < 6u", "r < 5u"],
  ["gather", "rows are off by one", /\((n\d+) \/ 7u\)/, "(($1 + 1u) / 7u)"],
  ["countCorrect", "the smallest wins", "> most", "< most"],
  ["gradientStats", "half of the last square", /(n\d+) = fma\(/, "$1 = 0.5 * fma("],
  ["control", "the gate ignores the loss", /&& !isNotFinite\([^)]*\)/, ""],
  ["control", "warm-up starts at 0", "f32(step + 1u)", "f32(step)"],
  ["record", "the ring is off by one", "% params.slots)", "% params.slots + 1u)"],
  ["record", "sealed with the step before", "((step + 1u) *", "(step *"],
  ["record", "the rate is not sealed", "^ w.z", ""],
  ["record", "the skipped step is not counted", "select(0u, 1u,", "select(0u, 0u,"],
  ["tally", "both numbers in one place", "at + 1u", "at"],
  ["sgd", "plain momentum for Nesterov's", "g = fma(keep1, s1, g);", "g = s1;"],
  ["adam", "no bias correction", "-lr / correction1", "-lr"],
  ["adamw", "weight decay is forgotten", "p = fma(-lr * weightDecay, p, p);", ""],
  ["rmsprop", "the new square is not added", "add1 * g * g", "0.0"],
  ["penalty", "the sign counts", /abs\(([^)]*)\)/, "$1"],
  ["penaltyGradient", "w for 2 w", "2.0 * params.l2", "params.l2"],
  ["combine", "a plain sum", "params.beta *", ""],
  ["partCursor", "rows begin again", "params.part * params.batch", "0u"],
  ["movingAverage", "a closed gate lets it through", /select\(0\.0, params\.rate, [^;]*\);/, "params.rate;"],
  ["adagrad", "epsilon inside the root", "(sqrt(s1) + eps)", "sqrt(s1 + eps * 1e7)"],
];

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

describe("wrong bodies are caught, all of them", () => {
  test("every op that has one has a mutant", () => {
    const able = ops.filter((op) => op.onChip).map((op) => op.name);
    expect([...new Set(mutants.map(([op]) => op))].sort()).toEqual(able.sort());
  });

  test.each(mutants)("%s: %s", async (name, _what, from, to) => {
    const op = opNamed(name);
    let changed = 0;
    const edit = (code: string): string => {
      const edited = code.replace(from, to);
      if (edited !== code) changed++;
      return edited;
    };
    let caught = false;
    for (const c of (await proofOf(op)).cases) {
      const result = await conformOnChip(gpu, op, c, { form: { width: 4, memory: "storage" }, edit });
      if (result && !result.pass) caught = true;
      if (caught) break;
    }
    expect(changed, "the mutation found its place in the code").toBeGreaterThan(0);
    expect(caught).toBe(true);
  });
});

test("barriers that are missing between ops are caught", async () => {
  const form = { width: 64, memory: "workgroup" } as const;
  let found = 0;
  const edit = (code: string): string =>
    code.replace(/workgroupBarrier\(\);\n\{/g, () => {
      found++;
      return "{";
    });
  const weights = initialise(mixedNet, 2);
  const check = (backend: Parameters<typeof checkGradients>[0]["backend"]) =>
    checkGradients({ model: mixedNet, weights, ...ring(6), backend });
  expect((await check(onChip(gpu, { form }))).pass).toBe(true);
  expect((await check(onChip(gpu, { form, edit }))).pass).toBe(false);
  expect(found).toBeGreaterThan(3);
});

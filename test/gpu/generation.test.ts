import { afterAll, beforeAll, expect, test } from "vitest";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { generateTokens } from "../../src/train/generation/generate.ts";
import { StepByStep } from "../../src/train/generation/step-by-step.ts";
import { openGpu } from "../shared/gpu.ts";

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

test("a text is written step by step on the device: the tokens of whole windows, and the truth's logits", async () => {
  const [length, vocabulary, size] = [12, 9, 8];
  const net = parseModel({
    input: [length],
    layers: [
      { type: "embedding", vocabulary, size, name: "tokens" },
      { type: "positionEmbedding", length, size, name: "places" },
      { type: "attention", size, heads: 2, keyHeads: 1, causal: true, rotary: true, name: "heard" },
      { type: "add", from: ["places", "heard"] },
      { type: "lstm", in: size, out: size },
      { type: "gru", in: size, out: size, bias: false },
      { type: "linear", in: size, out: vocabulary },
    ],
    loss: "crossEntropy",
  });
  const weights = initialise(net, 5);
  const write = async (cache: boolean): Promise<number[]> => {
    const tokens: number[] = [];
    const options = { prompt: [3, 1, 4, 1, 5, 9 % vocabulary], tokens: 14, temperature: 0.7, seed: 2, cache };
    for await (const token of generateTokens(gpu, net, weights, options)) tokens.push(token);
    return tokens;
  };
  // The window moves once, and is begun anew then.
  const whole = await write(false);
  expect(new Set(whole).size).toBeGreaterThan(2);
  expect(await write(true)).toEqual(whole);
  const steps = await StepByStep.create(gpu, net, weights, 4);
  const exact = await StepByStep.create(referenceBackend("f64"), net, weights, 4);
  for (const text of [[3], [3, 1], [2, 7, 1, 8, 2], [2, 7, 1, 8, 2, 8]]) {
    const [found, truth] = [await steps.logits(text), await exact.logits(text)];
    for (let k = 0; k < vocabulary; k++) expect(found[k]!).toBeCloseTo(truth[k]!, 5);
  }
  steps.dispose();
  exact.dispose();
});

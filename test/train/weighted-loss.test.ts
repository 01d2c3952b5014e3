import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import { initialise } from "../../src/nn/initialise.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { trainingGraph } from "../../src/train/run/training-graph.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { ring, smallNet } from "../shared/problems.ts";

let gpu: Awaited<ReturnType<typeof openGpu>>;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

const weighted = parseModel({ ...smallNet, classWeights: [0.25, 3], labelSmoothing: 0.1 });

test("evaluation has the loss of training: the weighted mean over all rows, however batches divide them", async () => {
  // 300 rows are a batch of 256 and one of 44, whose means count by the weights of their labels.
  const data = ring(300);
  for (const backend of [asDispatches(gpu), referenceBackend("f64")] as Backend[]) {
    const trainer = await createTrainer(backend, { model: weighted, data, batch: "full" });
    const { loss } = (await trainer.evaluate("train"))!;
    for await (const m of trainer.run({ steps: 1 })) expect(Math.abs(m.loss - loss)).toBeLessThan(2e-6 * loss);
    const plain = await createTrainer(backend, { model: smallNet, data, batch: "full" });
    expect(Math.abs((await plain.evaluate("train"))!.loss - loss)).toBeGreaterThan(0.01);
    trainer.dispose();
    plain.dispose();
  }
});

test("the check of gradients covers them", async () => {
  const report = await checkGradients({ model: weighted, weights: initialise(weighted, 2), ...ring(20), backend: gpu });
  expect(report).toMatchObject({ pass: true, firstDivergent: null });
  expect(report.tensors.map((t) => t.name)).toContain("class weight sums");
});

test("loss and gradient stay one kernel; class weights cost one more, smoothing alone none", async () => {
  const nodes = async (model: ModelSpec): Promise<string[]> => {
    const rows = ring(40);
    const { graph } = await trainingGraph({
      ...{ model, ...rows, rows: 40, batch: 8, streams: false, clip: 0, seed: 1, maxBufferSize: 2 ** 28 },
      ...{ weights: initialise(model, 1), optimizer: { type: "adam", lr: 0.01 }, schedule: { type: "constant" } },
    });
    return fuse(graph).map((node) => node.op.name);
  };
  const plain = await nodes(smallNet);
  const renamed = plain.map((n) => (n === "crossEntropyWithGradient" ? "weightedCrossEntropyWithGradient" : n));
  expect(await nodes(parseModel({ ...smallNet, labelSmoothing: 0.1 }))).toEqual(renamed);
  expect((await nodes(weighted)).filter((n) => n !== "classWeightSums")).toEqual(renamed);
  expect(await nodes(weighted)).toHaveLength(plain.length + 1);
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { checkGradients } from "../../src/check/index.ts";
import { run as grad } from "../../src/cli/grad.ts";
import { run as predict } from "../../src/cli/predict.ts";
import { trainPlan } from "../../src/cli/train-plan.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import {
  createTrainer,
  embedding,
  initialise,
  linear,
  type ModelSpec,
  parseModel,
  sequential,
} from "../../src/index.ts";
import { writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { writeWeights } from "../../src/io/weights/weights.ts";
import { predictRows } from "../../src/train/evaluation/predict-rows.ts";

const layers = [
  { type: "embedding", vocabulary: 5, size: 4 },
  { type: "lstm", in: 4, out: 3 },
  { type: "lastStep" },
  { type: "linear", in: 3, out: 2 },
] as const;
/** As a file may hold it: the data say how many tokens a row has. */
const open = { layers, loss: "crossEntropy" } as unknown as ModelSpec;
const closed = parseModel({ input: [6], ...open });
const weights = initialise(closed, 1);
const x = ndarray(
  [8, 6],
  "i32",
  Int32Array.from({ length: 48 }, (_, i) => (i * i + (i >> 2)) % 5),
);
const y = ndarray(
  [8],
  "i32",
  Int32Array.from({ length: 8 }, (_, i) => i % 2),
);

test("a trainer, a check and predictions take the length of the data's rows", async () => {
  const trainer = await createTrainer(await wasmBackend(), { model: open, data: { x, y } });
  expect(trainer.options.model).toEqual(closed);
  for await (const { loss } of trainer.run({ steps: 2 })) expect(loss).toBeGreaterThan(0);
  trainer.dispose();
  expect((await checkGradients({ model: open, weights, x, y, backend: null })).pass).toBe(true);
  const outputs = await predictRows(referenceBackend("f64"), open, weights, x);
  expect(outputs).toEqual(await predictRows(referenceBackend("f64"), closed, weights, x));
  const short = ndarray([2, 3], "i32", [0, 1, 2, 3, 4, 0]);
  expect((await predictRows(referenceBackend("f64"), open, weights, short)).shape).toEqual([2, 2]);
});

test("without data it is missing, and that is said", () => {
  const message = /"input" is missing, the tokens of a row such as \[64\]: give it, or data whose rows say it/;
  expect(() => parseModel(open)).toThrow(message);
  expect(() => sequential([embedding(5, 4), linear(4, 5)], { loss: "crossEntropy" })).toThrow(message);
});

let folder: string;
const at = (name: string): string => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "chainrule-length-"));
  writeFileSync(at("net.json"), JSON.stringify(open));
  writeFileSync(at("w.safetensors"), writeWeights(closed, weights));
  writeFileSync(
    at("batch.safetensors"),
    writeSafetensors([
      ["x", x],
      ["y", y],
    ]),
  );
  writeFileSync(at("rows.csv"), ["a,b,c,label", "0,1,2,no", "3,4,0,yes", "1,1,1,no"].join("\n"));
  writeFileSync(at("cat.txt"), "the cat sat on the mat");
});
afterAll(() => rmSync(folder, { recursive: true }));

test("commands take it from their data", async () => {
  const plan = await trainPlan([at("net.json"), "--data", at("rows.csv")]);
  expect(plan!.trainer.model.input).toEqual([3]);
  const files = ["--weights", at("w.safetensors"), "--backend", "reference"];
  expect(await grad([at("net.json"), "--batch", at("batch.safetensors"), "--out", at("g.safetensors"), ...files])).toBe(
    0,
  );
  expect(await predict([at("net.json"), "--data", at("batch.safetensors"), "--out", at("p.csv"), ...files])).toBe(0);
});

test("a text has no rows that could say it", async () => {
  await expect(trainPlan([at("net.json"), "--data", at("cat.txt")])).rejects.toThrow(/"input" is missing/);
});

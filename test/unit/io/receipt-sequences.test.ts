import { expect, test } from "vitest";
import { referenceBackend } from "../../../src/backend/reference/executor.ts";
import { ndarray } from "../../../src/core/ndarray.ts";
import { makeReceipt } from "../../../src/io/receipt/receipt.ts";
import { lora } from "../../../src/nn/lora.ts";
import type { ModelSpec } from "../../../src/nn/model-spec.ts";
import { classLayout } from "../../../src/nn/shapes.ts";
import { sequenceNets, sequenceRows } from "../../shared/sequence-nets.ts";

/** Receipts of nets of sequences; test/release/receipts.ts computes them again in numpy. */
const netOf = (name: string) => sequenceNets.find((net) => net.name === name)!;

async function receiptOf(name: string, change: (model: ModelSpec) => ModelSpec = (model) => model) {
  const net = netOf(name);
  const model = change(net.model);
  const { x, lengths } = sequenceRows(net);
  const { places, classes } = classLayout(model);
  const rows = x.shape[0]!;
  const labels = Int32Array.from({ length: rows * places.reduce((a, b) => a * b, 1) }, (_, i) => i % classes);
  const y = ndarray([rows, ...(places.length > 0 && places[0]! > 1 ? places : [])], "i32", labels);
  const data = { x, y, ...(lengths && { lengths }) };
  return makeReceipt(referenceBackend("f64"), { model, data, batch: 4, optimizer: { type: "sgd", lr: 0.1 } });
}

test("rows that end early: how many steps count is among the numbers, and what looks at it is told", async () => {
  const { arrays, script } = await receiptOf("lstm, layers 2, bidirectional true, meanSteps, lengths");
  expect(arrays.get("lengths")!.shape).toEqual([4]);
  for (const line of [
    'lengths = receipt["lengths"]',
    'recurrence("lstm", sums1_l1_reverse, weight_hh_l1_reverse_1, bias_hh_l1_reverse_1, True, lengths)',
    "a2 = (a1 * (np.arange(6) < lengths[:, None])[:, :, None]).sum(axis=1) / np.maximum(lengths, 1)",
  ]) {
    expect(script).toContain(line);
  }
  const last = await receiptOf("lstm, lastStep, lengths");
  expect(last.script).toContain("a2 = a1[np.arange(len(x)), np.maximum(lengths - 1, 0)] * (lengths > 0)[:, None]");
  const { script: masked } = await receiptOf("attention, lengths");
  expect(masked).toContain("attention(s1, 2, 2, False, lengths)");
  expect(masked).toContain("attention_back(do1, s1, p1, 2, 2, False)");
  expect((await receiptOf("lstm, lastStep")).script).not.toContain('receipt["lengths"]');
});

test("adapters are two products beside the weight, which is frozen", async () => {
  const { arrays, script } = await receiptOf("attention, lengths", (model) =>
    lora(model, { rank: 2, alpha: 3, dropout: 0.25, targets: ["q_proj", "out_proj", "4"] }),
  );
  const names = [...arrays.keys()];
  expect(names).toEqual(expect.arrayContaining(["A1_q_proj", "dB1_q_proj", "B1_out_proj_new", "A4", "maskA4"]));
  expect(names.filter((name) => /^d(Win|W|b)\d/.test(name))).toEqual([]);
  expect([...new Set(arrays.get("maskA1_q_proj")!.data)].sort()).toEqual([0, 1]);
  for (const line of [
    "u4 = a3 * maskA4 / (1 - 0.25)",
    "a4 = a4 + 1.5 * (l4 @ B4)",
    "dl4 = 1.5 * (da4 @ B4.T)",
    "s1[:, :, 0:8] = s1[:, :, 0:8] + 1.5 * (l1_q_proj @ B1_q_proj)",
    "dB1_q_proj = 1.5 * (l1_q_proj.reshape(-1, 2).T @ ds1[:, :, 0:8].reshape(-1, 8))",
  ]) {
    expect(script).toContain(line);
  }
});

test("a head that shares an embedding's weight adds to its gradient", async () => {
  const { script } = await receiptOf("a tied head");
  expect(script).toContain("dW0 = dW0 + da3.reshape(-1, 9).T @ a2.reshape(-1, 8)");
});

import { beforeAll, describe, expect, test } from "vitest";
import { cpuBackend } from "../../src/backend/cpu.ts";
import type { Backend } from "../../src/backend/executor.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import { exportPytorch } from "../../src/io/pytorch/export.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { taskOf } from "../../src/nn/task.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { logitsByPlace } from "../../src/train/evaluation/probabilities.ts";

/** Images whose pixels are of class 0 where they are dark, else 1, and a border that does not count. */
function pixels(n: number, ignored = -100): { x: NdArray; y: NdArray } {
  const x = ndarray([n, 1, 6, 6], "f32", normals(3, 4, 0, n * 36));
  const border = (i: number): boolean => i % 6 === 0 || Math.floor((i % 36) / 6) === 0;
  const y = Int32Array.from(x.data, (v, i) => (border(i) ? ignored : Number(v > 0)));
  return { x, y: ndarray([n, 6, 6], "i32", y) };
}

const conv = { type: "conv2d", in: 1, out: 2, kernel: 1 };
const model = parseModel({ input: [1, 6, 6], layers: [conv], loss: "crossEntropy" });
const steps = parseModel({ input: [6, 3], layers: [{ type: "linear", in: 3, out: 4 }], loss: "crossEntropy" });

let cpu: Backend;
beforeAll(async () => {
  cpu = await cpuBackend();
});

describe("a class for each place", () => {
  test("is learned, judged where it counts, and goes on from a state", async () => {
    const data = pixels(300);
    const trainer = await createTrainer(cpu, { model, data, test: data, optimizer: { type: "adam", lr: 0.1 } });
    const before = (await trainer.evaluate("train"))!;
    const losses: number[] = [];
    for await (const m of trainer.run({ steps: 40 })) losses.push(m.loss);
    const state = await trainer.state();
    const { loss, accuracy } = (await trainer.evaluate("test"))!;
    expect(loss).toBeLessThan(before.loss / 2);
    expect(accuracy).toBeGreaterThan(0.97);
    // By hand: places that count alone.
    const outputs = logitsByPlace(await trainer.predict(data.x), {
      ...{ classes: 2, places: [6, 6], last: false, ignoreIndex: -100 },
    });
    let [right, counted, sum] = [0, 0, 0];
    data.y.data.forEach((label, i) => {
      if (label < 0) return;
      const [a, b] = [outputs.data[2 * i]!, outputs.data[2 * i + 1]!];
      counted++;
      if (Number(b > a) === label) right++;
      sum += Math.log(Math.exp(a) + Math.exp(b)) - (label === 1 ? b : a);
    });
    expect(accuracy).toBeCloseTo(right / counted, 6);
    expect(loss).toBeCloseTo(sum / counted, 5);
    const next: number[] = [];
    for await (const m of trainer.run({ steps: 3 })) next.push(m.loss);
    trainer.restore(state);
    const again: number[] = [];
    for await (const m of trainer.run({ steps: 3 })) again.push(m.loss);
    expect(again).toEqual(next);
    trainer.dispose();
  });

  test("streams, and takes 255 as what does not count, to the bit", async () => {
    const options = { batch: 8, optimizer: { type: "sgd", lr: 0.1 } } as const;
    const take = async (data: { x: NdArray; y: NdArray }, more: object, net = model): Promise<number[]> => {
      const trainer = await createTrainer(cpu, { model: net, data, ...options, ...more });
      const found: number[] = [];
      for await (const m of trainer.run({ steps: 12 })) found.push(m.loss);
      found.push((await trainer.evaluate("train"))!.loss);
      trainer.dispose();
      return found;
    };
    const plain = await take(pixels(20), {});
    expect(await take(pixels(20), { maxDataBytes: 9000 })).toEqual(plain);
    expect(await take(pixels(20, 255), {}, parseModel({ ...model, ignoreIndex: 255 }))).toEqual(plain);
  });

  test("a batch in which none counts changes nothing, and is named", async () => {
    const { x } = pixels(4);
    const y = new Int32Array(4 * 36).fill(-100).fill(1, 0, 36);
    const data = { x, y: ndarray([4, 6, 6], "i32", y) };
    const trainer = await createTrainer(cpu, { model, data, batch: 1 });
    const run = async (): Promise<void> => {
      for await (const _ of trainer.run({ steps: 8 }));
    };
    await expect(run()).rejects.toThrow(/no target of the batch counts, all are ignored/);
    trainer.dispose();
    const skipping = await createTrainer(cpu, { model, data, batch: 1 });
    const skipped: boolean[] = [];
    for await (const m of skipping.run({ steps: 8, onNotFinite: "skip" })) skipped.push(m.skipped);
    expect(skipped.filter((s) => s)).toHaveLength(6);
    expect((await skipping.evaluate("train"))!.loss).toBeGreaterThan(0);
    skipping.dispose();
  });

  test.each<[string, object, RegExp]>([
    [
      "targets of one class a row",
      { y: ndarray([4], "i32", [0, 1, 0, 1]) },
      /a class index for each place, y \[n, 6, 6\]/,
    ],
    [
      "a class too many",
      { y: ndarray([4, 36], "i32", new Int32Array(144).fill(2)) },
      /label 2 of row 0 .* and not -100/,
    ],
    ["-1, which is not ignoreIndex", { y: ndarray([4, 36], "i32", new Int32Array(144).fill(-1)) }, /label -1 of row 0/],
    ["nothing that counts", { y: ndarray([4, 36], "i32", new Int32Array(144).fill(-100)) }, /every target is -100/],
  ])("refuses %s", async (_what, more, message) => {
    await expect(createTrainer(cpu, { model, data: { ...pixels(4), ...more } })).rejects.toThrow(message);
  });

  test("steps have their classes last, and a net of signals is told so", async () => {
    const data = { x: ndarray([2, 6, 3], "f32", normals(1, 4, 0, 36)), y: ndarray([2, 4], "i32", new Int32Array(8)) };
    const wanted = /y \[n, 6\], got y \[2, 4\] \(outputs \[6, 4\] hold steps, then classes; "permute" turns them\)/;
    await expect(createTrainer(cpu, { model: steps, data })).rejects.toThrow(wanted);
    expect(taskOf(steps)).toBe("4 classes for each of 6 places by a softmax of 4 outputs, loss crossEntropy");
    expect(() => parseModel({ ...steps, ignoreIndex: 1.5 })).toThrow(/"ignoreIndex" must be a whole number/);
    expect(() => parseModel({ ...steps, classWeights: [1, 1] })).toThrow(/a list of 4 numbers/);
    expect(() => parseModel({ ...steps, loss: "mse", ignoreIndex: 1 })).toThrow(/"ignoreIndex" is for the loss cross/);
    expect(() => parseModel({ ...model, layers: [{ ...conv, out: 1 }] })).toThrow(/one class a place/);
  });

  test("PyTorch's files have places in their shape, the ignored number, and classes second", async () => {
    const net = parseModel({ ...steps, ignoreIndex: 9, classWeights: [1, 2, 3, 4] });
    const y = Int32Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? 9 : i % 4));
    const data = { x: ndarray([2, 6, 3], "f32", normals(1, 4, 0, 36)), y: ndarray([2, 6], "i32", y) };
    const trainer = await createTrainer(cpu, { model: net, data });
    const files = exportPytorch(trainer.options, await trainer.state());
    expect(files.get("model.py")).toContain(
      "StepLoss(weight=torch.tensor([1, 2, 3, 4], dtype=torch.float32), ignore_index=9)",
    );
    expect(files.get("train.py")).toContain("(p.argmax(dim=2) == y)[counts(y)]");
    expect(files.get("train.py")).toContain("return y != loss_of.ignore_index");
    expect(new TextDecoder().decode(files.get("data.safetensors") as Uint8Array)).toContain('"shape":[2,6]');
    trainer.dispose();
  });
});

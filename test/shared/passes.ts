import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { compare } from "../../src/core/compare.ts";
import { type NdArray, ndarray, rows, zeros } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import type { AnyOp } from "../../src/graph/op.ts";
import {
  matmul as matmulOp,
  outerProduct as outerProductOp,
  transposeMatmul as transposeMatmulOp,
} from "../../src/ops/matmul/matmul.ts";
import { truth } from "../../src/proof/truth.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { matmul, outerProduct, transposeMatmul } from "../../src/train/passes/products.ts";
import type { Trainer } from "../../src/train/trainer.ts";
import { mixedNet, ring } from "./problems.ts";

const normal = (shape: readonly number[], stream = 0): NdArray =>
  ndarray(
    shape,
    "f32",
    normals(
      9,
      4,
      stream,
      shape.reduce((a, b) => a * b, 1),
    ),
  );

/** The library's lower tier on a backend, each value of it held against f64. */
export function passesAgreeWithReference(open: () => Promise<Backend>): void {
  let backend: Backend;
  let trainer: Trainer;
  let exact: Trainer;
  const data = ring(40);
  const batch = { x: rows(data.x, 0, 9), y: rows(data.y, 0, 9) };
  const options = { model: mixedNet, data, batch: 8, seed: 4 } as const;
  beforeAll(async () => {
    backend = await open();
    trainer = await createTrainer(backend, options);
    exact = await createTrainer(referenceBackend("f64"), options);
    // Away from the first step, where a counter that is not passed on would not show.
    for (const t of [trainer, exact]) for (let i = 0; i < 3; i++) await t.step();
    // The same weights, to the bit: only the passes themselves are compared.
    exact.restore({ ...(await exact.state()), parameters: await trainer.parameters() });
  });
  afterAll(() => backend?.dispose());

  const near = (computed: NdArray, wanted: NdArray, what: string): void => {
    expect(computed.shape, what).toEqual(wanted.shape);
    expect(
      wanted.data.some((v) => v !== 0),
      `${what} is not all zeros`,
    ).toBe(true);
    expect(compare(computed, wanted, null).normRelative, what).toBeLessThan(1e-5);
  };
  const nearMaps = (computed: ReadonlyMap<string, NdArray>, wanted: ReadonlyMap<string, NdArray>): void => {
    expect([...computed.keys()]).toEqual([...wanted.keys()]);
    for (const [name, value] of wanted) near(computed.get(name)!, value, name);
  };

  test("step() takes one step of the run", async () => {
    const other = await createTrainer(backend, options);
    const losses = [];
    for await (const m of other.run({ steps: 2 })) losses.push(m.loss);
    other.reset();
    expect(await other.step()).toMatchObject({ step: 1, loss: losses[0], skipped: false });
    expect(await other.step()).toMatchObject({ step: 2, loss: losses[1] });
    expect(other.stepsTaken).toBe(2);
    other.dispose();
  });

  test("forward() and predict() give the outputs, however many rows there are", async () => {
    near(await trainer.forward(batch.x), await exact.forward(batch.x), "forward");
    const many = normal([700, 2]);
    const outputs = await trainer.predict(many);
    near(outputs, await exact.forward(many), "predict");
    expect([...(await trainer.predict(rows(many, 0, 256))).data]).toEqual([...rows(outputs, 0, 256).data]);
  });

  test("gradients() gives loss, outputs, and every gradient, with the next step's dropout", async () => {
    const computed = await trainer.gradients(batch.x, batch.y, { intermediates: true });
    const wanted = await exact.gradients(batch.x, batch.y, { intermediates: true });
    expect(Math.abs(computed.loss / wanted.loss - 1)).toBeLessThan(1e-5);
    near(computed.outputs, wanted.outputs, "outputs");
    near(computed.x, wanted.x, "x");
    nearMaps(computed.parameters, wanted.parameters);
    expect([...computed.intermediates.keys()]).toEqual([...wanted.intermediates.keys()]);
    expect(computed.intermediates.get("1.tanh")!.value.shape).toEqual([9, 24]);
    for (const [name, { value, gradient }] of wanted.intermediates) {
      near(computed.intermediates.get(name)!.value, value, name);
      if (gradient) near(computed.intermediates.get(name)!.gradient!, gradient, `d ${name}`);
    }
    expect([...wanted.intermediates.values()].some((i) => i.gradient)).toBe(true);
    const plain = await trainer.gradients(batch.x, batch.y);
    nearMaps(plain.parameters, wanted.parameters);
    expect(plain.intermediates.size).toBe(0);
  });

  test("gradients() is what a step goes by: weights move against it by lr", async () => {
    const all = { ...options, data: batch, batch: "full", optimizer: { type: "sgd", lr: 0.5 } } as const;
    const descent = await createTrainer(backend, all);
    const before = await descent.parameters();
    const { parameters } = await descent.gradients(batch.x, batch.y);
    await descent.step();
    for (const [name, after] of await descent.parameters()) {
      const moved = zeros(after.shape, "f32");
      moved.data.forEach((_, i) => {
        moved.data[i] = (before.get(name)!.data[i]! - after.data[i]!) / 0.5;
      });
      expect(compare(moved, parameters.get(name)!, null).maxAbsolute, name).toBeLessThan(1e-5);
    }
    descent.dispose();
  });

  test("backward() is the chain rule from the outputs: d loss / d outputs leads to gradients()'s own", async () => {
    const whole = await trainer.gradients(batch.x, batch.y);
    // Cross-entropy's gradient: softmax minus the label, over the rows.
    const dy = zeros(whole.outputs.shape, "f32");
    for (let i = 0; i < 9; i++) {
      const [a, b] = [whole.outputs.data[2 * i]!, whole.outputs.data[2 * i + 1]!];
      const p = 1 / (1 + Math.exp(b - a));
      const label = batch.y.data[i]!;
      dy.data[2 * i] = (p - (label === 0 ? 1 : 0)) / 9;
      dy.data[2 * i + 1] = (1 - p - (label === 1 ? 1 : 0)) / 9;
    }
    const back = await trainer.backward(batch.x, dy);
    near(back.x, whole.x, "x");
    nearMaps(back.parameters, whole.parameters);
    near(back.outputs, whole.outputs, "outputs");
    nearMaps((await exact.backward(batch.x, dy)).parameters, whole.parameters);
  });

  test("products are compiled once for their shapes, and right", async () => {
    const within = async (op: AnyOp, attrs: unknown, inputs: readonly NdArray[], y: NdArray): Promise<void> => {
      const { outputs, bounds } = await truth(op, inputs, attrs, backend.kind);
      expect(y.shape).toEqual(outputs[0]!.shape);
      expect(compare(y, outputs[0]!, bounds[0]!).pass, op.name).toBe(true);
    };
    const [a, b] = [normal([5, 33], 1), normal([33, 7], 2)];
    await within(matmulOp, null, [a, b], await matmul(backend, a, b));
    const kept = backend.cache.keys.length;
    const other = normal([33, 7], 3);
    const [first, second] = await Promise.all([matmul(backend, a, b), matmul(backend, a, other)]);
    await within(matmulOp, null, [a, b], first);
    await within(matmulOp, null, [a, other], second);
    expect(backend.cache.keys.length).toBe(kept);
    const bT = normal([7, 33], 4);
    await within(transposeMatmulOp, { transpose: "b" }, [a, bT], await transposeMatmul(backend, a, bT, "b"));
    const c = normal([5, 6], 5);
    await within(transposeMatmulOp, { transpose: "a" }, [a, c], await transposeMatmul(backend, a, c, "a"));
    const [x, dy] = [normal([40], 6), normal([12], 7)];
    const asRows = [ndarray([1, 40], "f32", x.data), ndarray([1, 12], "f32", dy.data)];
    await within(outerProductOp, null, asRows, await outerProduct(backend, x, dy));
    expect(backend.cache.memory().liveBytes).toBeGreaterThan(0);
  });

  test("wrong input is refused by name, and nothing is spoilt by it", async () => {
    await expect(matmul(backend, normal([2, 3]), normal([2, 3]))).rejects.toThrow(/matmul.*\[2, 3\].*\[2, 3\]/);
    await expect(matmul(backend, normal([0, 3]), normal([3, 1]))).rejects.toMatchObject({ code: "shape" });
    await expect(transposeMatmul(backend, normal([2, 3]), normal([2, 3]), "c" as "a")).rejects.toThrow(/"a" or "b"/);
    await expect(trainer.forward(normal([3, 5]))).rejects.toThrow(/rows have 5 values, the model takes 2/);
    await expect(trainer.predict(ndarray([1, 2], "f32", [0, Number.NaN]))).rejects.toThrow(/NaN in row 0, column 1/);
    await expect(trainer.gradients(batch.x, rows(data.y, 0, 8))).rejects.toMatchObject({ code: "data" });
    await expect(trainer.backward(batch.x, normal([9, 3]))).rejects.toThrow(/\[9, 3\].*\[9, 2\]/);
    near(await trainer.forward(batch.x), await exact.forward(batch.x), "forward");
  });

  test("ends once, harmlessly twice; afterwards everything says that it is disposed of, and holds nothing", async () => {
    const gone = { code: "disposed" };
    let outside: Trainer;
    {
      using short = await createTrainer(backend, options);
      outside = short;
      await short.predict(batch.x);
      await short.evaluate("train");
      expect(short.memory().buffers).toBeGreaterThan(0);
    }
    outside.dispose();
    expect(outside.memory()).toEqual({ liveBytes: 0, buffers: 0 });
    await expect(outside.step()).rejects.toMatchObject(gone);
    await expect(outside.predict(batch.x)).rejects.toMatchObject(gone);
    await expect(outside.evaluate("train")).rejects.toMatchObject(gone);
    await expect(outside.state()).rejects.toMatchObject(gone);
    expect(() => outside.reset()).toThrow(/disposed/);
    const own = await open();
    await matmul(own, normal([2, 2]), normal([2, 2]));
    const running = await createTrainer(own, options);
    const steps = running.run({ steps: 1e9 });
    await steps.next();
    own.dispose();
    own.dispose();
    expect(own.cache.memory()).toEqual({ liveBytes: 0, buffers: 0 });
    running.dispose();
    await expect(
      (async () => {
        for await (const m of steps) void m;
      })(),
    ).rejects.toMatchObject(gone);
    await expect(matmul(own, normal([2, 2]), normal([2, 2]))).rejects.toMatchObject(gone);
    await expect(createTrainer(own, options)).rejects.toMatchObject(gone);
  });
}

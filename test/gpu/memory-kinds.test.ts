import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cpuBackend } from "../../src/backend/cpu.ts";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { runKernel } from "../../src/backend/webgpu/run-kernel.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { Graph } from "../../src/graph/graph.ts";
import { linear } from "../../src/nn/layers/linear.ts";
import { sequential } from "../../src/nn/sequential.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { openGpu, opNamed } from "../shared/gpu.ts";

/** Arrays lie in every kind of memory that JavaScript has, and all of them are copied before a driver sees them. */

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

type Floats = Float32Array;
/** The bytes of values in other memory, seen as f32. */
const placed = (values: Floats, buffer: ArrayBufferLike, offset: number, length: number | undefined): Floats => {
  new Uint8Array(buffer).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
  return new Float32Array(buffer as ArrayBuffer, offset, length);
};
// Types of TypeScript's library before ES2024 know neither.
const Resizable = ArrayBuffer as unknown as new (length: number, options: { maxByteLength: number }) => ArrayBuffer;
const Growable = SharedArrayBuffer as unknown as new (
  length: number,
  options: { maxByteLength: number },
) => SharedArrayBuffer;

const kinds: readonly (readonly [string, (values: Floats) => Floats])[] = [
  ["an array of its own", (v) => v],
  ["the midst of a buffer", (v) => placed(v, new ArrayBuffer(v.byteLength + 24), 12, v.length)],
  ["shared memory", (v) => placed(v, new SharedArrayBuffer(v.byteLength), 0, v.length)],
  ["the midst of shared memory", (v) => placed(v, new SharedArrayBuffer(v.byteLength + 24), 12, v.length)],
  [
    "a buffer that can be resized",
    (v) => placed(v, new Resizable(v.byteLength, { maxByteLength: 8 * v.byteLength }), 0, v.length),
  ],
  [
    "a buffer that can be resized, whose length is followed",
    (v) => placed(v, new Resizable(v.byteLength, { maxByteLength: 8 * v.byteLength }), 0, undefined),
  ],
  [
    "the end of such a buffer",
    (v) => placed(v, new Resizable(v.byteLength + 12, { maxByteLength: 8 * v.byteLength }), 12, undefined),
  ],
  [
    "shared memory that can grow",
    (v) => placed(v, new Growable(v.byteLength, { maxByteLength: 8 * v.byteLength }), 0, v.length),
  ],
  [
    "shared memory that can grow, whose length is followed",
    (v) => placed(v, new Growable(v.byteLength, { maxByteLength: 8 * v.byteLength }), 0, undefined),
  ],
  ["memory of WebAssembly", (v) => placed(v, new WebAssembly.Memory({ initial: 1, maximum: 2 }).buffer, 64, v.length)],
  [
    "shared memory of WebAssembly",
    (v) => placed(v, new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true }).buffer, 64, v.length),
  ],
  [
    "Node's pool of small buffers",
    (v) => {
      const bytes = Buffer.from(new Uint8Array(v.buffer, v.byteOffset, v.byteLength));
      // A pooled buffer begins where it begins.
      return bytes.byteOffset % 4 === 0
        ? new Float32Array(bytes.buffer, bytes.byteOffset, v.length)
        : placed(v, bytes.buffer, 0, v.length);
    },
  ],
  ["what was moved from another owner", (v) => new Float32Array(structuredClone(v.slice().buffer as ArrayBuffer))],
  ["another realm", (v) => runInNewContext("Float32Array.from(values)", { values: [...v] }) as Floats],
  [
    "another realm's shared memory",
    (v) => {
      const made = runInNewContext(`new Float32Array(new SharedArrayBuffer(${v.byteLength}))`) as Floats;
      made.set(v);
      return made;
    },
  ],
  [
    "a subclass",
    (v) => {
      class Own extends Float32Array {}
      return new Own(v);
    },
  ],
];

const rows = 24;
const raw = Float32Array.from({ length: rows * 3 }, (_, i) => Math.sin(i));
const targets = Float32Array.from({ length: rows * 2 }, (_, i) => Math.cos(i));
const model = sequential([linear(3, 4), linear(2)], { loss: "mse" });
const array = (shape: readonly number[], data: Floats): NdArray => ({ shape, dtype: "f32", data });

/** What a run makes of rows, targets and weights in such memory: losses, predictions, gradients. */
async function figures(backend: Backend, as: (values: Floats) => Floats): Promise<unknown> {
  const x = array([rows, 3], as(raw));
  const y = array([rows, 2], as(targets));
  const trainer = await createTrainer(backend, { model, data: { x, y }, test: { x, y }, batch: 8, seed: 3 });
  const losses: number[] = [];
  for await (const m of trainer.run({ steps: 5, logEvery: 1 })) losses.push(m.loss);
  const { parameters, cursor, control, ...rest } = await trainer.state();
  const moved = [...parameters].map(([name, w]) => [name, array(w.shape, as(w.data as Floats))] as const);
  trainer.restore({
    ...rest,
    cursor,
    control: array(control.shape, as(control.data as Floats)),
    parameters: new Map(moved),
  });
  const predicted = await trainer.predict(x);
  const { loss, parameters: gradients } = await trainer.gradients(x, y);
  const evaluated = await trainer.evaluate("test");
  const result = [losses, [...predicted.data], loss, [...gradients.values()].map((g) => [...g.data]), evaluated];
  trainer.dispose();
  return result;
}

describe("rows, targets and weights in any memory give the same run", () => {
  const expected = new Map<string, unknown>();
  test.each(kinds)("%s", async (_name, as) => {
    for (const backend of [gpu, await cpuBackend(), referenceBackend("f32")]) {
      const name = backend.description;
      if (!expected.has(name)) expected.set(name, await figures(backend, (v) => v));
      expect(await figures(backend, as), name).toEqual(expected.get(name));
    }
  });
});

test("values of every number type become an array's own", async () => {
  const types = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array];
  const sevens = Array.from({ length: rows * 3 }, (_, i) => i % 7);
  for (const Type of [...types, Float32Array, Float64Array]) {
    const values = new Type(sevens);
    const x = ndarray([rows, 3], "f32", values);
    expect([...x.data], Type.name).toEqual(sevens);
    const trainer = await createTrainer(gpu, { model, data: { x, y: ndarray([rows, 2], "f32", targets) } });
    expect(Number.isFinite((await trainer.step()).loss)).toBe(true);
    trainer.dispose();
  }
});

test("large arrays arrive whole, piece by piece", async () => {
  const size = 2 ** 21 + 3;
  const g = new Graph();
  const x = g.variable(
    "x",
    array(
      [size],
      Float32Array.from({ length: size }, (_, i) => i),
    ),
  );
  g.keep(x);
  const executor = await gpu.compile(g);
  const [read] = await executor.run(0, [x]);
  expect(read!.data.findIndex((v, i) => v !== i)).toBe(-1);
  executor.dispose();
});

test.each(kinds)("a kernel by itself on %s", async (_name, as) => {
  const op = opNamed("add");
  const a = array([rows, 3], as(raw));
  const run = await runKernel(gpu.gpu, op, op.kernels[0]!, [a, a], null);
  expect([...run!.outputs[0]!.data]).toEqual([...raw].map((v) => Math.fround(v + v)));
});

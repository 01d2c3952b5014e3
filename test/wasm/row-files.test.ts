import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cpuBackend } from "../../src/backend/cpu.ts";
import type { Backend } from "../../src/backend/executor.ts";
import type { ByteSource } from "../../src/core/byte-source.ts";
import { ChainruleError } from "../../src/core/errors.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import { loadDataFile } from "../../src/io/dataset/load.ts";
import { openRowFile } from "../../src/io/dataset/row-file.ts";
import { writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { openFileSource } from "../../src/platform/file-source.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { type RowSource, readRange, splitSource } from "../../src/train/data/row-source.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";
import type { Trainer } from "../../src/train/trainer.ts";

/** 700 rows: not a whole number of batches, of chunks, or of the rows that are evaluated at once. */
const [N, SIDE, CLASSES] = [700, 3, 4];
/** Room for some 7 steps, so that a run of 100 takes many chunks. */
const CHUNK = 4 * SIDE * SIDE * 16 * 7;

const model = parseModel({
  layers: [{ type: "linear", in: 9, out: 12 }, { type: "tanh" }, { type: "linear", in: 12, out: CLASSES }],
  loss: "crossEntropy",
});
const options = { model, batch: 16, seed: 5, optimizer: { type: "adam", lr: 0.01 } } as const;

let folder: string;
let backend: Backend;
const closing: (() => Promise<void>)[] = [];
const opened = async (file: string): Promise<ByteSource> => {
  const source = await openFileSource(join(folder, file));
  closing.push(source.close);
  return source;
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "chainrule-rows-"));
  backend = await cpuBackend({ threads: 1 });
  const pixels = Uint8Array.from({ length: N * SIDE * SIDE }, (_, i) => (i * 37 + (i >> 4) * 11) & 255);
  const labels = Uint8Array.from({ length: N }, (_, i) => pixels[i * 9]! % CLASSES);
  const size = (n: number): number[] => [n >>> 24, n >> 16, n >> 8, n].map((b) => b & 255);
  writeFileSync(
    join(folder, "my-images-idx3"),
    Uint8Array.of(0, 0, 8, 3, ...size(N), ...size(SIDE), ...size(SIDE), ...pixels),
  );
  writeFileSync(join(folder, "my-labels-idx1"), Uint8Array.of(0, 0, 8, 1, ...size(N), ...labels));
  const x = ndarray([N, SIDE, SIDE], "f32", normals(1, 9, 0, N * 9));
  const write = (name: string, y: ReturnType<typeof ndarray>): void =>
    writeFileSync(
      join(folder, name),
      writeSafetensors([
        ["x", x],
        ["y", y],
      ]),
    );
  write("classes.safetensors", ndarray([N], "i32", labels));
  write("targets.safetensors", ndarray([N, 2], "f64", normals(1, 9, 1, N * 2)));
  const wrong = labels.slice();
  wrong[613] = CLASSES;
  write("wrong.safetensors", ndarray([N], "i32", wrong));
});
afterAll(async () => {
  backend.dispose();
  await Promise.all(closing.map((close) => close()));
  rmSync(folder, { recursive: true, force: true });
});

async function streamed(file: string): Promise<RowSource> {
  return openRowFile(await opened(file), { open: opened });
}

async function resident(file: string) {
  const { readFileSync } = await import("node:fs");
  const read = async (name: string) => new Uint8Array(readFileSync(join(folder, name)));
  return loadDataFile(file, await read(file), { read });
}

async function outcome(given: TrainerOptions, steps = 100) {
  const trainer = await createTrainer(backend, given);
  const losses: number[] = [];
  for await (const { loss } of trainer.run({ steps })) losses.push(loss);
  const evaluations = [await trainer.evaluate("train"), await trainer.evaluate("test")];
  const parameters = await trainer.parameters();
  trainer.dispose();
  return { losses, evaluations, parameters };
}

describe("rows read from a file by number", () => {
  test.each(["my-images-idx3", "classes.safetensors"])("train on %s bit for bit as rows in memory do", async (file) => {
    const data = await resident(file);
    const source = await streamed(file);
    const expected = await outcome({ ...options, data, test: data });
    expect(expected.losses).toHaveLength(100);
    expect(await outcome({ ...options, data: source, test: source, maxDataBytes: CHUNK })).toEqual(expected);
    expect(await outcome({ ...options, data: source, test: source })).toEqual(expected);
  });

  test("and so do targets, with a loss on values, and labels that become values", async () => {
    const layers = [{ type: "linear", in: 9, out: 2 }];
    const regression = { ...options, model: parseModel({ layers, loss: "mse" }) };
    const data = await resident("targets.safetensors");
    const source = await streamed("targets.safetensors");
    const expected = await outcome({ ...regression, data });
    expect(await outcome({ ...regression, data: source, maxDataBytes: CHUNK })).toEqual(expected);
    const oneHot = {
      ...options,
      model: parseModel({ layers: [{ type: "linear", in: 9, out: CLASSES }], loss: "bce" }),
    };
    const classes = await resident("classes.safetensors");
    const labels = await streamed("classes.safetensors");
    expect(await outcome({ ...oneHot, data: labels, maxDataBytes: CHUNK })).toEqual(
      await outcome({ ...oneHot, data: classes }),
    );
  });

  test("go on from a state, and from the first step after a reset", async () => {
    const source = await streamed("my-images-idx3");
    const losses = async (trainer: Trainer, steps: number): Promise<number[]> => {
      const found: number[] = [];
      for await (const m of trainer.run({ steps })) found.push(m.loss);
      return found;
    };
    const trainer = await createTrainer(backend, { ...options, data: source, maxDataBytes: CHUNK });
    const first = await losses(trainer, 30);
    const state = await trainer.state();
    const next = await losses(trainer, 40);
    trainer.restore(state);
    expect(await losses(trainer, 40)).toEqual(next);
    trainer.reset();
    expect(await losses(trainer, 30)).toEqual(first);
    trainer.dispose();
  });

  test("the next chunk is read while the device works on the one before", async () => {
    const source = await streamed("my-images-idx3");
    let reads = 0;
    const counted: RowSource = {
      ...source,
      read: (index) => {
        reads++;
        return source.read(index);
      },
    };
    const trainer = await createTrainer(backend, { ...options, data: counted, maxDataBytes: CHUNK });
    const run = trainer.run({ steps: 1 });
    await run.next();
    expect(reads).toBe(2);
    await run.return(undefined);
    trainer.dispose();
  });

  test("a step that is not finite is looked into as with rows in memory", async () => {
    const line = parseModel({ layers: [{ type: "linear", in: 9, out: 2 }], loss: "mse" });
    const given = { ...options, model: line, optimizer: { type: "sgd", lr: 1e30 } } as const;
    const message = async (data: TrainerOptions["data"]): Promise<unknown> =>
      outcome({ ...given, data, maxDataBytes: CHUNK }).then(
        () => "finite",
        (error: Error) => error.message,
      );
    const expected = await message(await resident("targets.safetensors"));
    expect(expected).toMatch(/step \d+: .* first, computed by/);
    expect(await message(await streamed("targets.safetensors"))).toBe(expected);
  });

  test("are read in few pieces, in the order of the file", async () => {
    const file = await opened("classes.safetensors");
    const asked: [number, number][] = [];
    const source = await openRowFile({
      ...file,
      read: (offset, length) => {
        asked.push([offset, length]);
        return file.read(offset, length);
      },
    });
    asked.length = 0;
    const { x } = await source.read(Uint32Array.of(699, 3, 0, 3));
    expect(asked).toHaveLength(2);
    const all = await resident("classes.safetensors");
    expect([...x.data.subarray(0, 9)]).toEqual([...all.x.data.subarray(699 * 9)]);
    expect([...x.data.subarray(27)]).toEqual([...all.x.data.subarray(27, 36)]);
  });

  test("are divided by seed: parts that share no row and leave none out", async () => {
    const parts = splitSource(await streamed("classes.safetensors"), [0.7, 0.2, 0.1], 3);
    expect(parts.map((part) => part.x.shape[0])).toEqual([490, 140, 70]);
    const seen = await Promise.all(parts.map((part) => readRange(part, 0, part.x.shape[0]!)));
    const keys = seen.flatMap(({ x }) => Array.from({ length: x.shape[0]! }, (_, i) => x.data[9 * i]!));
    const all = (await resident("classes.safetensors")).x.data.filter((_, i) => i % 9 === 0);
    expect(keys.sort()).toEqual([...all].sort());
    expect(await outcome({ ...options, data: parts[0]!, test: parts[1]!, maxDataBytes: CHUNK }, 20)).toBeDefined();
  });
});

describe("is refused by name", () => {
  const refused = (given: Partial<TrainerOptions> & { data: RowSource }) => outcome({ ...options, ...given });

  test("a value that does not fit, by the number of its row, when it is read", async () => {
    await expect(refused({ data: await streamed("wrong.safetensors"), maxDataBytes: CHUNK })).rejects.toThrow(
      "training data: label 4 of row 613 is outside the model's 4 classes",
    );
  });

  test("a shape that does not fit, and a full batch, before anything is read", async () => {
    const data = await streamed("classes.safetensors");
    const narrow = parseModel({ layers: [{ type: "linear", in: 8, out: CLASSES }], loss: "crossEntropy" });
    await expect(refused({ data, model: narrow })).rejects.toThrow("rows have 9 values, the model takes 8");
    await expect(refused({ data, batch: "full" })).rejects.toThrow("this data set streams: give a number");
  });

  test("a file that is cut while it is read", async () => {
    const broken = { ...(await opened("classes.safetensors")) };
    const { read } = broken;
    broken.read = (offset, length) =>
      offset > 2000 ? Promise.reject(new ChainruleError("file", "gone")) : read(offset, length);
    await expect(refused({ data: await openRowFile(broken), maxDataBytes: CHUNK })).rejects.toThrow("gone");
  });

  test("what has no rows of one size, or labels that are missing", async () => {
    writeFileSync(join(folder, "t.csv"), "a,y\n1,2\n");
    writeFileSync(join(folder, "z-images-idx3"), Uint8Array.of(0x1f, 0x8b, 8, 0));
    await expect(streamed("t.csv")).rejects.toThrow("those of others have no fixed size");
    await expect(streamed("z-images-idx3")).rejects.toThrow("decompress it first");
    await expect(openRowFile(await opened("my-images-idx3"))).rejects.toThrow(
      "needs its labels, my-labels-idx1, beside it",
    );
    await expect(streamed("gone.safetensors")).rejects.toThrow("there is no such file");
  });
});

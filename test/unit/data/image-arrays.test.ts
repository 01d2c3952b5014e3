import { describe, expect, test } from "vitest";
import { ndarray } from "../../../src/core/ndarray.ts";
import {
  parsePreprocessing,
  prepareRows,
  preprocessingOf,
  preprocessingText,
} from "../../../src/data/preprocessing.ts";
import { fitScaling, standardiseChannels } from "../../../src/data/standardise.ts";
import { type BytesNotice, noticeText } from "../../../src/data/table-notice.ts";
import { loadDataFile, loadDataSplit, loadInputs } from "../../../src/io/dataset/load.ts";
import { openRowFile } from "../../../src/io/dataset/row-file.ts";
import { parseModel } from "../../../src/nn/parse-model.ts";
import { matchRows } from "../../../src/train/data/match-rows.ts";
import { requireRowShape } from "../../../src/train/data/row-shape.ts";

/** A safetensors file of pairs of bytes and labels, as its format has it; names end as `part` says. */
function bytesFile(
  shape: readonly number[],
  values: readonly number[],
  labels: readonly number[],
  ...more: readonly { part: string; values: readonly number[] }[]
): Uint8Array {
  const parts = [{ part: more.length > 0 ? "_train" : "", values }, ...more];
  const data: number[] = [];
  const place = (bytes: Iterable<number>): [number, number] => {
    const begin = data.length;
    data.push(...bytes);
    return [begin, data.length];
  };
  const i32 = new Uint8Array(Int32Array.from(labels).buffer);
  const tensors = parts.flatMap(({ part, values: x }) => [
    [`x${part}`, { dtype: "U8", shape, data_offsets: place(x) }],
    [`y${part}`, { dtype: "I32", shape: [labels.length], data_offsets: place(i32) }],
  ]);
  const text = JSON.stringify(Object.fromEntries(tensors));
  const header = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const out = new Uint8Array(8 + header.length + data.length);
  new DataView(out.buffer).setBigUint64(0, BigInt(header.length), true);
  out.set(header, 8);
  out.set(data, 8 + header.length);
  return out;
}

/** IDX of bytes. */
function idx(shape: readonly number[], values: readonly number[]): Uint8Array {
  const head = [0, 0, 8, shape.length, ...shape.flatMap((d) => [0, 0, 0, d])];
  return Uint8Array.from([...head, ...values]);
}

// Two images of 2 x 3 pixels and two channels, channels last: red counts from 0, green from 100.
const last = [0, 100, 1, 101, 2, 102, 3, 103, 4, 104, 5, 105];
const first = [0, 1, 2, 3, 4, 5, 100, 101, 102, 103, 104, 105];
const both = (image: readonly number[]): number[] => [...image, ...image.map((v) => v + 150)];
const scaled = (values: readonly number[]): number[] => values.map((v) => Math.fround(v / 255));

describe("arrays of images", () => {
  test("bytes become numbers from 0 to 1, and channels that are last come first where that is asked for", async () => {
    const file = bytesFile([2, 2, 3, 2], both(last), [0, 1]);
    const data = await loadDataFile("t.safetensors", file, { channelsLast: true });
    expect(data).toMatchObject({ shape: [2, 2, 3], pixelScale: 255, channelsLast: true });
    expect(data.x).toMatchObject({ shape: [2, 12], dtype: "f32" });
    expect([...data.x.data]).toEqual(scaled(both(first)));
    const plain = await loadDataFile("t.safetensors", bytesFile([2, 2, 2, 3], both(first), [0, 1]));
    expect([...plain.x.data]).toEqual(scaled(both(first)));
    expect(plain.channelsLast).toBeUndefined();
    const flat = await loadDataFile("t.safetensors", bytesFile([2, 12], both(first), [0, 1]));
    expect([...flat.x.data]).toEqual(both(first));
    expect(flat.pixelScale).toBeUndefined();
  });

  test("flat bytes are pixels where rows are as long as a square image and use their range, or the net takes images", async () => {
    const bytes = (width: number, most: number) => Array.from({ length: 2 * width }, (_, i) => (i * 7) % (most + 1));
    const read = async (width: number, most: number, as?: "pixels" | "numbers") => {
      const file = bytesFile([2, width], bytes(width, most), [0, 1]);
      const data = await loadDataFile("t.safetensors", file, as && { bytes: as });
      const source = {
        name: "t.safetensors",
        size: file.length,
        read: async (a: number, n: number) => file.slice(a, a + n),
      };
      const rows = await openRowFile(source, as && { bytes: as });
      const streamed = await rows.read(Uint32Array.of(0, 1));
      expect([...streamed.x.data]).toEqual([...data.x.data]);
      expect([rows.pixelScale, rows.bytes]).toEqual([data.pixelScale ?? null, data.bytes]);
      expect([...data.x.data]).toEqual(data.pixelScale ? scaled(bytes(width, most)) : bytes(width, most));
      return { scale: data.pixelScale, image: data.image, said: data.bytes };
    };
    const grey = {
      scale: 255,
      image: { height: 8, width: 8 },
      said: { kind: "pixels", column: "x", value: "8 x 8" },
    };
    expect(await read(64, 250)).toEqual(grey);
    expect(await read(192, 250)).toEqual({ scale: 255, said: { kind: "pixels", column: "x", value: "8 x 8" } });
    const texts = ["pixels", "bytes"].map((kind) => noticeText({ kind, column: "x", value: "8 x 8" } as BytesNotice));
    expect(texts).toEqual([
      expect.stringContaining("pixels of 8 x 8, divided by 255"),
      expect.stringContaining("as they are"),
    ]);
    // Sixteen levels of a table, bits, columns, and tokens.
    expect(await read(64, 16)).toEqual({ said: { kind: "bytes", column: "x", value: "" } });
    expect(await read(64, 1)).toEqual({});
    expect(await read(65, 250)).toEqual({ said: { kind: "bytes", column: "x", value: "" } });
    expect(await read(64, 250, "numbers")).toEqual({});
    expect(await read(70, 16, "pixels")).toEqual({ scale: 255, said: { kind: "pixels", column: "x", value: "" } });
  });

  test("flat bytes of test rows are what those are that a net learns from", async () => {
    const bytes = (most: number) => Array.from({ length: 128 }, (_, i) => (i * 7) % (most + 1));
    for (const [train, test, scale] of [
      [250, 16, 255],
      [16, 250, undefined],
    ] as const) {
      const file = bytesFile([2, 64], bytes(train), [0, 1], { part: "_test", values: bytes(test) });
      const split = await loadDataSplit("t.safetensors", file);
      expect([split.train.pixelScale, split.test!.pixelScale]).toEqual([scale, scale]);
      expect([...split.test!.x.data]).toEqual(scale ? scaled(bytes(test)) : bytes(test));
    }
  });

  test("new rows are prepared by the record", async () => {
    const file = bytesFile([2, 2, 3, 2], both(last), [0, 1]);
    const data = await loadDataFile("t.safetensors", file, { channelsLast: true });
    const { train } = standardiseChannels({ train: data, test: null });
    const record = parsePreprocessing("r.json", JSON.parse(preprocessingText(preprocessingOf(train))));
    expect(record).toMatchObject({ channelsLast: true, pixelScale: 255, inputs: 12 });
    expect(record.scaling!.mean).toHaveLength(2);
    const { x } = await loadInputs("t.safetensors", file, record.pixelScale, record.channelsLast);
    expect(x.shape).toEqual([2, 2, 2, 3]);
    expect([...prepareRows("new", x, record).data]).toEqual([...train.x.data]);
  });

  test("IDX of colours, and of grey as one channel", async () => {
    const read = () => Promise.resolve(idx([2], [1, 0]));
    const colour = await loadDataFile("a-images", idx([2, 2, 2, 3], both(first)), { read });
    expect(colour).toMatchObject({ shape: [2, 2, 3], pixelScale: 255 });
    const grey = await loadDataFile("a-images", idx([2, 3, 4], both(first)), { read });
    expect(grey).toMatchObject({ shape: [1, 3, 4], image: { height: 3, width: 4 } });
  });

  test("columns of numbers whose squares are 0 in f64 are no constant ones", () => {
    const x = ndarray([3, 3], "f64", [1e-300, 1e-300, 1e-160, 2e-300, 1e-300, 2e-160, 3e-300, 1e-300, 3e-160]);
    const { mean, deviation } = fitScaling(x);
    expect(mean.map((m) => m * 1e300)).toEqual([expect.closeTo(2, 12), expect.closeTo(1, 12), expect.anything()]);
    expect(deviation[0]! * 1e300).toBeCloseTo(Math.sqrt(2 / 3), 12);
    expect(deviation[1]).toBe(1);
    expect(deviation[2]! * 1e160).toBeCloseTo(Math.sqrt(2 / 3), 12);
  });

  test("a channel's mean and deviation are over all its pixels", () => {
    const x = ndarray([2, 6], "f64", [1, 2, 3, 1e9, 1e9 + 1, 1e9 + 2, 3, 2, 1, 1e9 + 2, 1e9 + 1, 1e9]);
    const { mean, deviation } = fitScaling(x, 2);
    expect(mean).toEqual([2, 1e9 + 1]);
    for (const d of deviation) expect(d).toBeCloseTo(Math.sqrt(2 / 3), 12);
    const y = ndarray([2], "i32", [0, 1]);
    const train = { name: "t", x, y, shape: [2, 1, 3] };
    expect(
      [...standardiseChannels({ train, test: null }).train.x.data.slice(0, 3)].map((v) => v * deviation[0]!),
    ).toEqual([-1, 0, 1].map((v) => expect.closeTo(v, 6)));
    expect(() => standardiseChannels({ train: { name: "t", x, y }, test: null })).toThrow(/rows have no channels/);
  });
});

test.each<[readonly number[], readonly number[], RegExp | null]>([
  [
    [3, 32, 32],
    [32, 32, 3],
    /rows are \[32, 32, 3\], .* \[3, 32, 32\]: that looks channels last.*--channels-last does/,
  ],
  [[3, 8, 4], [3, 4, 8], /t: rows are \[3, 4, 8\], the model takes \[3, 8, 4\]$/],
  [[1, 28, 28], [28, 28], null],
  [[1, 28, 28], [28, 28, 1], null],
  [[784], [28, 28], null],
  [[3, 4, 8], [96], null],
])("a model of %j and rows of %j", (input, row, message) => {
  const check = () => requireRowShape(input, row, "t");
  if (message) expect(check).toThrow(message);
  else expect(check).not.toThrow();
});

test("rows of a library's caller are held against the model's input too", () => {
  const layers = [{ type: "flatten" }, { type: "linear", in: 12, out: 2 }];
  const model = parseModel({ input: [2, 2, 3], layers, loss: "crossEntropy" });
  const y = ndarray([1], "i32", [0]);
  expect(() => matchRows(model, { x: ndarray([1, 2, 3, 2], "f32", last), y }, "rows")).toThrow(/looks channels last/);
  expect(matchRows(model, { x: ndarray([1, 2, 2, 3], "f32", first), y }, "rows").x.shape).toEqual([1, 12]);
});

// One table of readers and what is put in their way, a few lines each: so longer than a file should be.
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fromHash, toHash } from "../../../src/app/state/url.ts";
import { storedChoices } from "../../../src/backend/webgpu/stored-choices.ts";
import { parseReport } from "../../../src/bench/parse-report.ts";
import { emptyReport } from "../../../src/bench/report.ts";
import { timing } from "../../../src/bench/stats.ts";
import { ndarray } from "../../../src/core/ndarray.ts";
import { readCsv } from "../../../src/data/csv.ts";
import { gunzipIfNeeded } from "../../../src/data/gunzip.ts";
import { pairIdx, readIdx } from "../../../src/data/idx.ts";
import { imageSize } from "../../../src/data/image-size.ts";
import { parsePreprocessing, prepareCsv, preprocessingOf, preprocessingText } from "../../../src/data/preprocessing.ts";
import { readDocuments, readText } from "../../../src/data/text/read-text.ts";
import { tokenizerOf } from "../../../src/data/text/tokenizer-record.ts";
import { DEFAULT_CAPS } from "../../../src/graph/op.ts";
import { parseJson } from "../../../src/io/json/parse.ts";
import { readSafetensors, writeSafetensors } from "../../../src/io/safetensors/safetensors.ts";
import { readWeights } from "../../../src/io/weights/weights.ts";
import { parseModel } from "../../../src/nn/parse-model.ts";
import { bpeFile } from "../../shared/bpe.ts";
import { collector } from "../../shared/collector.ts";
import { png } from "../../shared/png.ts";
import { times } from "../../shared/thorough.ts";
import {
  type Fuzzed,
  fuzz,
  MANY,
  MOST,
  mutations,
  processorMs,
  randomBytes,
  TIMEOUT,
  textMutations,
  timeoutOf,
} from "./fuzz.ts";
import { safetensorsFile } from "./safetensors-file.ts";

/** Every reader of what may come from anybody, each with inputs that come close to what it reads. */

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const bytesOf = (bytes: Uint8Array): number => bytes.length;
const textBytes = (text: string): number => text.length;
const words = (letters: string): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...letters), maxLength: 60 });

/** Texts become objects and never arrays: whatever one may hold is small. */
const json = (valid: unknown, read: (value: unknown) => unknown): Fuzzed<string> => ({
  inputs: fc.oneof(
    { weight: 3, arbitrary: textMutations(JSON.stringify(valid)) },
    { weight: 1, arbitrary: words('{}[]",:0189-taelsn\\') },
    { weight: 1, arbitrary: fc.json({ maxDepth: 4 }) },
  ),
  read: (text) => read(parseJson("f.json", text)),
  bytesOf: textBytes,
  factor: 1,
});

const model = {
  layers: [
    { type: "linear", in: 2, out: 3, bias: true },
    { type: "layerNorm", size: 3, eps: 1e-5 },
    { type: "leakyRelu", slope: 0.01 },
    { type: "dropout", p: 0.5 },
    { type: "linear", in: 3, out: 2 },
  ],
  loss: "crossEntropy",
};
const spec = parseModel(model);

const csv = 'a,"b ""c""",kind,y\r\n1,2.5,oak,u\r\n-3,"4",pine,v\r\n5,6,oak,v\r\n';
const learned = preprocessingOf(readCsv("f", csv));

const tensors = writeSafetensors(
  [
    ["0.weight", ndarray([3, 2], "f32", [1, 2, 3, 4, 5, 6])],
    ["0.bias", ndarray([3], "f64", [1, 2, 3])],
    ["1.weight", ndarray([3], "f32", [1, 1, 1])],
    ["1.bias", ndarray([3], "f32", [0, 0, 0])],
    ["4.weight", ndarray([2, 3], "f32", [1, 2, 3, 4, 5, 6])],
    ["4.bias", ndarray([2], "f32", [1, 2])],
  ],
  { step: "7" },
);
/** Files with a sound length and any JSON behind it. */
const headers = (): fc.Arbitrary<Uint8Array> => {
  const value = fc.jsonValue({ maxDepth: 2 });
  const number = fc.integer({ min: -1, max: 32 });
  const loose = fc.record(
    {
      dtype: fc.oneof(fc.constantFrom("F32", "I64", "U8", "BF16"), value),
      shape: fc.oneof(fc.array(fc.oneof(number, fc.maxSafeNat())), value),
      data_offsets: fc.oneof(fc.tuple(number, number), value),
    },
    { requiredKeys: [] },
  );
  const names = fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom("__proto__", "constructor", "__metadata__"));
  return fc
    .tuple(fc.array(fc.tuple(names, fc.oneof(loose, value)), { maxLength: 3 }), fc.nat(32))
    .map(([entries, bytes]) => {
      const text = entries.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`);
      return safetensorsFile(`{${text.join(",")}}`, new Array<number>(bytes).fill(0));
    });
};
const safetensors = fc.oneof(
  randomBytes(),
  mutations(tensors),
  headers(),
  words('{}[]",:\\0189-tdse ').map((text) => safetensorsFile(`{${text}`, [])),
);

const idxImages = Uint8Array.of(
  0,
  0,
  8,
  3,
  0,
  0,
  0,
  2,
  0,
  0,
  0,
  2,
  0,
  0,
  0,
  3,
  0,
  51,
  102,
  153,
  204,
  255,
  1,
  2,
  3,
  4,
  5,
  6,
);
const labels = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 3);
/** Any type, rank and sizes, with some bytes behind them. */
const idx = fc
  .tuple(
    fc.constantFrom(8, 9, 11, 12, 13, 14, 10),
    fc.array(fc.oneof(fc.nat(4), fc.constantFrom(65536, 0xffffffff)), { maxLength: 9 }),
    fc.uint8Array({ maxLength: 64 }),
  )
  .map(([type, shape, data]) =>
    Uint8Array.of(0, 0, type, shape.length, ...shape.flatMap((d) => [d >>> 24, d >> 16, d >> 8, d]), ...data),
  );

const images = [
  png(3, 2, () => [1, 2, 3]),
  Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xc2, 0, 17, 8, 1, 0, 2, 1, 0, 0, 0),
  new TextEncoder().encode("RIFF....WEBPVP8X012345678901234567890"),
  new TextEncoder().encode("GIF89a0123456789"),
];
const packed = new Uint8Array(gzipSync(new Uint8Array(3000).map((_, i) => (i * i) >> 3)));
/** Grows a thousandfold: what it may become is capped by its own size. */
const bomb = new Uint8Array(gzipSync(new Uint8Array(4 << 20)));

const row = { verified: true, gflops: 1.5, gpuMs: timing([1, 2]), firstMs: null, gbps: null };
const report = {
  ...emptyReport({
    date: "2026-01-02",
    chainrule: "0.1.0",
    runtime: "Node",
    processor: "a processor",
    adapter: { description: "an adapter", software: true, features: ["f"], limits: DEFAULT_CAPS },
  }),
  ceilings: [{ name: "fma", what: "fma", verified: true, value: 1, unit: "GFLOP/s", ms: timing([1]) }],
  products: [{ ...row, form: "NN", M: 1, N: 2, K: 3, name: "p", kernel: "k", cpuMs: null, cpuGflops: null }],
  crossover: [{ width: 8, batch: 32, verified: true, gpuMs: 1, cpuMs: null }],
  logging: [{ name: "l", backend: "b", every10: timing([1]), never: timing([1]), overhead: 0.01 }],
};
const choices = { 'matmul {"a":1} 64x64 1f': "matmul/block64" };
const link = toHash(fromHash("#v=2&data=moons&net=16-tanh-drop0.2-norm&hide=net.code&fault=zeros"));

const { model: bpe, ...bpeRest } = bpeFile();
/** A vocabulary of a dozen tokens: what is changed is more often what matters. */
const smallBpe = {
  ...bpeRest,
  added_tokens: [{ ...bpeRest.added_tokens[0], id: 5 }],
  pre_tokenizer: {
    type: "Sequence",
    pretokenizers: [{ type: "Digits", individual_digits: true }, bpeRest.pre_tokenizer],
  },
  model: { ...bpe, vocab: { t: 0, h: 1, e: 2, th: 3, the: 4 }, merges: ["t h", ["th", "e"]] },
};
const jsonl = '{"text":"one"}\n{"id":2,"text":"two \u4e2d"}\n';

const texts: Readonly<Record<string, Fuzzed<string>>> = {
  "a model": json(model, parseModel),
  "a record of preprocessing": json(JSON.parse(preprocessingText(learned)), (v) => parsePreprocessing("f", v)),
  "a benchmark report": json(report, parseReport),
  "a tokenizer": json({ type: "characters", characters: " abc中" }, (v) => tokenizerOf("f", v)),
  "a tokenizer of a file": json({ type: "file", file: smallBpe }, (v) => tokenizerOf("f", v)),
  "remembered kernels": json(choices, storedChoices),
  "CSV to predict": {
    inputs: fc.oneof(textMutations(csv), words('ab"c,1\noakpine')),
    read: (text) => prepareCsv("f", text, learned, "drop"),
    bytesOf: textBytes,
    factor: 8 * learned.inputs,
  },
  "a link": {
    inputs: fc.oneof(textMutations(link), fc.webUrl({ withFragments: true }), words("#&=v2net-drop.160")),
    read: fromHash,
    bytesOf: textBytes,
    factor: 1,
  },
};

const files: Readonly<Record<string, Fuzzed<Uint8Array>>> = {
  safetensors: { inputs: safetensors, read: readSafetensors, bytesOf, factor: 4 },
  weights: { inputs: mutations(tensors), read: (bytes) => readWeights(bytes, spec), bytesOf, factor: 4 },
  CSV: {
    inputs: fc.oneof(
      randomBytes(),
      textMutations(csv).map(utf8),
      mutations(utf8(csv)),
      words('a1,.-"\n\r\t yN?').map(utf8),
    ),
    read: (bytes) => readCsv("f", bytes, bytes.length % 2 ? { task: "regression" } : { missing: "drop" }),
    bytesOf,
    // A text of its own in every row is a column of its own: see the test of its limit in csv.test.ts.
    factor: 8 * 64,
  },
  "a text": {
    inputs: fc.oneof(randomBytes(), mutations(utf8("\ufeffone 中 two\n"))),
    read: (bytes) => readText("f", bytes),
    bytesOf,
    factor: 2,
  },
  "a text of lines of JSON": {
    inputs: fc.oneof(randomBytes(), mutations(utf8(jsonl)), textMutations(jsonl).map(utf8)),
    read: (bytes) => readDocuments("f", bytes),
    bytesOf,
    factor: 4,
  },
  IDX: { inputs: fc.oneof(randomBytes(), mutations(idxImages), idx), read: (b) => readIdx("f", b), bytesOf, factor: 4 },
  "an image's header": {
    inputs: fc.oneof(randomBytes(), ...images.map(mutations)),
    read: imageSize,
    bytesOf,
    factor: 1,
  },
  "a pair of IDX files": {
    inputs: fc.oneof(mutations(idxImages), idx),
    read: (bytes) => pairIdx(bytes, labels, { name: "pair" }),
    bytesOf,
    factor: 4,
  },
};

const inputsFor = (name: string): number => (name.startsWith("CSV") ? MOST : MANY);
for (const [name, reader] of Object.entries(texts)) {
  test(`${name}: ${inputsFor(name)} inputs`, () => fuzz(reader, inputsFor(name)), timeoutOf(inputsFor(name)));
}
for (const [name, reader] of Object.entries(files)) {
  test(`${name}: ${inputsFor(name)} inputs`, () => fuzz(reader, inputsFor(name)), timeoutOf(inputsFor(name)));
}

/** A decoder of the platform's takes a millisecond to make: fewer, except for a release. */
const STREAMS = process.env.CHAINRULE_FUZZ ? MANY : times(300, 2000);
test(
  `gzip: ${STREAMS} inputs`,
  () => {
    const inputs = fc.oneof({ weight: 30, arbitrary: mutations(packed) }, { weight: 1, arbitrary: mutations(bomb) });
    // 200 times its size, or 1 MiB, in pieces and then as a whole.
    return fuzz(
      { inputs, read: (bytes) => gunzipIfNeeded("f", bytes), bytesOf: (b) => Math.max(b.length, 5300), factor: 500 },
      STREAMS,
    );
  },
  TIMEOUT,
);

test("the harness notices what it is there for", async () => {
  // What other tests left behind would be freed in the midst of it, and hide what is allocated here.
  const gc = collector();
  // Buffers are freed beside the program after the first; the second waits for that.
  const collect = (): void => {
    gc();
    gc();
  };
  const held: unknown[] = [];
  const hold = (value: unknown): unknown => held.push(value);
  const once = (read: (n: number) => unknown): Promise<void> =>
    fuzz({ inputs: fc.constant(1), read, bytesOf: () => 1, factor: 1 }, 1);
  await expect(once(() => Number("x").toFixed(200))).rejects.toThrow("toFixed");
  collect();
  await expect(once(() => hold(new Uint8Array(2 ** 24)))).rejects.toThrow("bytes of arrays");
  collect();
  await expect(once(() => hold(Array.from({ length: 2 ** 20 }, (_, i) => ({ i }))))).rejects.toThrow(
    "bytes of objects",
  );
  const busy = (): void => {
    for (const start = processorMs(); processorMs() < start + 1100; ) Math.sqrt(start);
  };
  await expect(once(busy)).rejects.toThrow("took");
  await once(() => parseJson("f", "{"));
});

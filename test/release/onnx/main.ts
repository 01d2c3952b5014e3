import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { referenceBackend } from "../../../src/backend/reference/executor.ts";
import type { NdArray } from "../../../src/core/ndarray.ts";
import { uniforms } from "../../../src/core/philox.ts";
import { readOnnx } from "../../../src/io/onnx/read.ts";
import { writeOnnx } from "../../../src/io/onnx/write.ts";
import { weightsOf } from "../../../src/io/weights/weights.ts";
import { initialise } from "../../../src/nn/initialise.ts";
import type { ModelSpec } from "../../../src/nn/model-spec.ts";
import { parameterSpecs } from "../../../src/nn/parameter-specs.ts";
import { parseModel } from "../../../src/nn/parse-model.ts";
import { trainingPresets } from "../../../src/nn/presets.ts";
import { widths } from "../../../src/nn/shapes.ts";
import { predictRows } from "../../../src/train/evaluation/predict-rows.ts";
import { everyLayer } from "../../shared/every-layer.ts";
import { difference, outputsOf } from "../../shared/outputs.ts";
import { sequenceNets, sequenceRows } from "../../shared/sequence-nets.ts";
import { type TorchArray, table, toArray } from "../../shared/torch.ts";

/** What is used of ONNX Runtime; its own types are installed only when this runs. */
interface Runtime {
  readonly env: { logLevel: string; wasm: { numThreads: number } };
  readonly Tensor: new (
    type: "float32" | "int64",
    data: Float32Array | BigInt64Array,
    dims: readonly number[],
  ) => RuntimeTensor;
  readonly InferenceSession: { create(bytes: Uint8Array): Promise<Session> };
}
interface RuntimeTensor {
  readonly data: Float32Array;
}
interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Record<string, RuntimeTensor>): Promise<Record<string, RuntimeTensor>>;
}

const name: string = "onnxruntime-web";
const ort = (await import(name)) as Runtime;
ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

/** Of the largest output. */
const LIMIT = 1e-5;
let failed = 0;
let cases = 0;

function say(what: string, off: number): void {
  cases++;
  if (!(off <= LIMIT)) failed++;
  console.log(`${off <= LIMIT ? "ok  " : "FAIL"}  ${what.padEnd(34)} ${off.toExponential(1)}`);
}

async function run(
  bytes: Uint8Array,
  rows: readonly (readonly number[])[],
  dims: readonly number[],
): Promise<number[]> {
  const session = await ort.InferenceSession.create(bytes);
  const x = new ort.Tensor("float32", Float32Array.from(rows.flat()), dims);
  const outputs = await session.run({ [session.inputNames[0]!]: x });
  return [...outputs[session.outputNames[0]!]!.data];
}

function draw(rows: number, width: number, low: number, high: number): number[][] {
  const values = uniforms(1, 99, 0, rows * width, low, high);
  return Array.from({ length: rows }, (_, i) => [...values.slice(i * width, (i + 1) * width)]);
}

/** The net in ONNX Runtime against our own forward pass in f64, for two sizes of batch. */
async function compareNet(what: string, model: ModelSpec, low = -3, high = 3): Promise<void> {
  // Biases begin at zero, and scales at one: other numbers tell more.
  const weights = initialise(model, 5);
  for (const { name: key, role } of parameterSpecs(model)) {
    if (role !== "weight") weights.get(key)!.data.set(uniforms(2, 99, 0, weights.get(key)!.data.length, 0.5, 1.5));
  }
  const bytes = writeOnnx(model, weights);
  for (const rows of [1, 7]) {
    const x = draw(rows, widths(model).inputs, low, high);
    const theirs = await run(bytes, x, [rows, widths(model).inputs]);
    say(`${what}, ${rows} rows`, difference(theirs, await outputsOf(model, weights, x)));
  }
}

/** Nets of sequences, some of whose rows end early; what comes out is kept for the tests, with the bytes that it came out of. */
async function compareSequences(): Promise<void> {
  const kept: Record<string, { readonly sha256: string; readonly y: readonly number[] }> = {};
  for (const net of sequenceNets) {
    const { weights, x, lengths, tokens } = sequenceRows(net);
    const bytes = writeOnnx(net.model, weights, { lengths: net.lengths });
    const session = await ort.InferenceSession.create(bytes);
    const whole = (a: NdArray): RuntimeTensor =>
      new ort.Tensor("int64", BigInt64Array.from([...a.data], BigInt), a.shape);
    const feeds: Record<string, RuntimeTensor> = {
      input: tokens ? whole(x) : new ort.Tensor("float32", Float32Array.from(x.data), x.shape),
      ...(lengths && { lengths: whole(lengths) }),
    };
    const y = [...(await session.run(feeds))[session.outputNames[0]!]!.data];
    const ours = await predictRows(referenceBackend("f64"), net.model, weights, x, lengths ?? undefined);
    say(net.name, difference(y, [...ours.data]));
    kept[net.name] = { sha256: createHash("sha256").update(bytes).digest("hex"), y };
  }
  if (process.argv.includes("--write")) {
    writeFileSync(new URL("../../fixtures/onnx/written.json", import.meta.url), `${JSON.stringify(kept)}\n`);
  }
}

const linear = (from: number, to: number, bias = true) => ({ type: "linear", in: from, out: to, bias });
const layers: readonly { readonly type: string; readonly [key: string]: unknown }[] = [
  ...["relu", "sigmoid", "tanh", "softplus", "gelu", "silu", "softmax"].map((type) => ({ type })),
  { type: "leakyRelu", slope: 0.2 },
  { type: "elu", alpha: 0.7 },
  { type: "layerNorm", size: 6, eps: 1e-3 },
  { type: "dropout", p: 0.4 },
  linear(6, 6, false),
];
for (const layer of layers) {
  const model = parseModel({ layers: [linear(4, 6), layer], loss: "mse" });
  await compareNet(layer.type === "linear" ? "linear without bias" : layer.type, model);
}
await compareSequences();
await compareNet("every layer", everyLayer);
for (const [preset, { model }] of Object.entries(trainingPresets)) await compareNet(preset, model);
await compareNet(
  "wide",
  parseModel({ layers: [linear(300, 512), { type: "gelu" }, linear(512, 10)], loss: "crossEntropy" }),
  -1,
  1,
);

// Nets of any shape and wiring: those of PyTorch's tables, whose outputs in evaluation stand there.
interface Tabled {
  readonly name: string;
  readonly model: unknown;
  readonly weights: Readonly<Record<string, TorchArray>>;
  readonly statistics?: Readonly<Record<string, TorchArray>>;
  readonly x: TorchArray;
  readonly output: TorchArray;
  readonly evaluated?: TorchArray;
}
for (const c of table<Tabled>("graphs")) {
  const model = parseModel(c.model);
  const arrays = Object.entries({ ...c.weights, ...c.statistics }).map(([key, a]) => [key, toArray(a)] as const);
  const bytes = writeOnnx(model, weightsOf(new Map(arrays), model, "f32"));
  say(`torch: ${c.name}`, difference(await run(bytes, [c.x.data], c.x.shape), (c.evaluated ?? c.output).data));
}

// What others wrote: both read the same file.
const folder = new URL("../../fixtures/onnx/", import.meta.url);
const expected = JSON.parse(readFileSync(new URL("expected.json", folder), "utf8"));
for (const file of readdirSync(folder).filter((f) => f.startsWith("torch-") && !f.includes("training"))) {
  const bytes = new Uint8Array(readFileSync(new URL(file, folder)));
  // A softmax at the end stays, since outputs are compared; its logarithm is no layer here.
  const net = file === "torch-9.onnx" ? null : readOnnx(bytes, { loss: "mse" });
  const { x } = expected[file.replace(".onnx", "")] as { x: number[][] };
  const dims = file === "torch-11.onnx" ? [x.length, 2, 3] : [x.length, x[0]!.length];
  if (net) say(`${file}, imported`, difference(await run(bytes, x, dims), await outputsOf(net.model, net.weights, x)));
}
console.log(`${cases} cases, ${failed} failed`);
process.exit(failed > 0 || cases === 0 ? 1 : 0);

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { referenceBackend } from "../../../src/backend/reference/executor.ts";
import type { NdArray } from "../../../src/core/ndarray.ts";
import { readModel } from "../../../src/io/onnx/graph.ts";
import { readOnnx } from "../../../src/io/onnx/read.ts";
import { writeOnnx } from "../../../src/io/onnx/write.ts";
import { initialise } from "../../../src/nn/initialise.ts";
import { lateLayerNames } from "../../../src/nn/layers/names.ts";
import { lora, mergeLora } from "../../../src/nn/lora.ts";
import type { ModelSpec } from "../../../src/nn/model-spec.ts";
import { everyLayerType, parseModel } from "../../../src/nn/parse-model.ts";
import { predictRows } from "../../../src/train/evaluation/predict-rows.ts";
import { difference } from "../../shared/outputs.ts";
import { sequenceNets, sequenceRows } from "../../shared/sequence-nets.ts";

/** What ONNX Runtime computed from these very bytes: node test/release/onnx/run.mjs --write. */
const runtime = JSON.parse(
  readFileSync(new URL("../../fixtures/onnx/written.json", import.meta.url), "utf8"),
) as Record<string, { sha256: string; y: number[] }>;

/** The file without the model that it carries along, so that its ops are what is read. */
function bare(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes);
  const at = text.indexOf("chainrule.model");
  return new Uint8Array(Buffer.concat([text.subarray(0, at), Buffer.from("another"), text.subarray(at + 7)]));
}

const outputs = async (
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  x: NdArray,
  lengths?: NdArray | null,
) => [...(await predictRows(referenceBackend("f64"), model, weights, x, lengths ?? undefined)).data];

describe("nets of sequences as they are written", () => {
  test("are those that ONNX Runtime computed", () => {
    expect(Object.keys(runtime)).toEqual(sequenceNets.map(({ name }) => name));
  });

  test.each(sequenceNets)("$name", async (net) => {
    const { weights, x, lengths } = sequenceRows(net);
    const bytes = writeOnnx(net.model, weights, { lengths: net.lengths });
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(runtime[net.name]!.sha256);
    const ours = await outputs(net.model, weights, x, lengths);
    expect(difference(ours, runtime[net.name]!.y)).toBeLessThan(1e-6);
    const back = readOnnx(bytes);
    expect([back.model.layers, back.weights]).toEqual([net.model.layers, weights]);
    const read = (): ReturnType<typeof readOnnx> => readOnnx(bare(bytes), { loss: "mse", keepOutputs: true });
    if (net.lengths) {
      expect(read).toThrow(/lengths|one input/);
      return;
    }
    const { model, weights: own } = read();
    expect(difference(await outputs(model, own, x), ours)).toBeLessThan(1e-6);
  });

  test("take lengths as a second input where an attention is masked by them, or on demand", () => {
    const inputs = (model: ModelSpec, options = {}) =>
      readModel(writeOnnx(model, initialise(model, 1), options)).inputs.map(({ name, elementType, dims }) => [
        name,
        elementType,
        dims,
      ]);
    const of = (name: string) => sequenceNets.find((net) => net.name === name)!.model;
    const lengths = ["lengths", 7, [null]];
    expect(inputs(of("attention, lengths"))[1]).toEqual(lengths);
    expect(inputs(of("attention, lengths"), { lengths: false })).toHaveLength(1);
    expect(inputs(of("lstm, lastStep"))).toEqual([["input", 7, [null, 6]]]);
    expect(inputs(of("lstm, lastStep"), { lengths: true })[1]).toEqual(lengths);
    expect(() => inputs(of("a tied head"), { lengths: true })).toThrow(
      /lengths: no layer of the model looks at how many/,
    );
  });
});

describe("what ONNX says of layers", () => {
  test("only those of code are refused", () => {
    for (const type of lateLayerNames) expect(everyLayerType(type)?.onnx, type).toBeDefined();
    const model = { layers: [{ type: "custom", op: {} }], loss: "mse" } as unknown as ModelSpec;
    expect(() => writeOnnx(model, new Map())).toThrow(/custom/);
  });

  let adapted: ModelSpec;
  let all: Map<string, NdArray>;
  beforeAll(() => {
    const blocks = sequenceNets.find(({ name }) => name === "two blocks, causal")!;
    adapted = lora(blocks.model, { rank: 2, alpha: 3, targets: ["q_proj", "out_proj", "linear"] });
    all = initialise(adapted, 2);
    for (const [name, { data }] of all)
      if (name.includes("lora_B")) data.set(Float32Array.from(data, (_, i) => Math.sin(i)));
  });

  test("adapters are merged into the weights beside them", () => {
    const merged = mergeLora(adapted, all);
    expect(writeOnnx(adapted, all)).toEqual(writeOnnx(merged.model, merged.weights));
    const { model, weights } = readOnnx(writeOnnx(adapted, all));
    expect([model.layers, weights]).toEqual([merged.model.layers, merged.weights]);
    expect(parseModel(model).layers).toEqual(merged.model.layers);
  });
});

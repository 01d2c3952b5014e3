import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openOnnx, readOnnx } from "../../../src/io/onnx/read.ts";
import { writeOnnx } from "../../../src/io/onnx/write.ts";
import { initialise } from "../../../src/nn/initialise.ts";
import { everyLayer } from "../../shared/every-layer.ts";
import { endsCleanly, heldTo, MOST, mutations, randomBytes, timeoutOf } from "./fuzz.ts";
import { onnxFile, type TestFile, type TestNode, type TestTensor } from "./onnx-file.ts";

const file = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/onnx/${name}.onnx`, import.meta.url)));

const FILES = [
  ...["torch-17", "torch-11", "torch-9", "types", "formulas"],
  ...["view-13", "norm-first", "channels", "keras-flatten", "keras-batch-norm", "moments", "halves", "external"].map(
    (name) => `runtime/${name}`,
  ),
  ...["opset-7", "one-scale", "sklearn-scaler", "squeeze-13"].map((name) => `runtime/${name}`),
  ...[
    "mobilenet-11",
    "unet",
    "group-norm-13",
    "pads-13",
    "scaled-input",
    "tf-front",
    "transposed-same",
    "resize-sizes",
  ].map((name) => `nets/${name}`),
];

/** Nets over places: from x [n, 2, 4, 3], whose nodes read any of those before them. */
const placed = (): fc.Arbitrary<TestFile> => {
  const names = ["x", "a", "b", "c", "d", "y"];
  const kinds: readonly (readonly [op: string, more: readonly string[], joins?: boolean])[] = [
    ["Conv", ["k"]],
    ["Conv", ["k", "v"]],
    ["ConvTranspose", ["k"]],
    ...["Relu", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Flatten", "HardSwish"].map(
      (op) => [op, []] as const,
    ),
    ["BatchNormalization", ["v", "v", "v", "v"]],
    ["InstanceNormalization", ["v", "v"]],
    ["GroupNormalization", ["v", "v"]],
    ["PRelu", ["s"]],
    ["Mul", ["v"]],
    ["Add", ["s"]],
    ["Transpose", []],
    ["Resize", ["", "scales"]],
    ["Pad", ["pads"]],
    ["ReduceMean", ["axes"]],
    ...["Add", "Mul", "Sub", "Concat"].map((op) => [op, [], true] as const),
  ];
  const small = fc.integer({ min: -1, max: 3 });
  const integers = fc.dictionary(fc.constantFrom("axis", "group", "ceil_mode", "num_groups", "keepdims"), small, {
    maxKeys: 2,
  });
  const lists = fc.dictionary(
    fc.constantFrom("kernel_shape", "strides", "pads", "dilations", "perm", "output_padding", "output_shape", "axes"),
    fc.array(fc.oneof(fc.constantFrom(0, 1, 1, 2, 3), fc.constantFrom(-1, 65536, 2 ** 31, 2 ** 53)), { maxLength: 5 }),
    { maxKeys: 3 },
  );
  const sound = fc.constantFrom<Readonly<Record<string, readonly number[]>>>(
    {},
    { kernel_shape: [2, 2], strides: [1, 1] },
    { kernel_shape: [2, 2], pads: [0, 0, 1, 1] },
    { perm: [0, 2, 3, 1] },
    { perm: [0, 3, 1, 2] },
  );
  const texts = fc.constantFrom(
    {},
    { auto_pad: "SAME_UPPER" },
    { auto_pad: "VALID" },
    { mode: "linear" },
    { mode: "reflect" },
  );
  const node = fc.tuple(
    fc.constantFrom(...kinds),
    integers,
    fc.oneof({ weight: 3, arbitrary: sound }, lists),
    texts,
    fc.nat(5),
    fc.nat(5),
  );
  const values = (numbers: readonly number[]): Uint8Array => new Uint8Array(BigInt64Array.from(numbers, BigInt).buffer);
  return fc
    .tuple(fc.array(node, { minLength: 1, maxLength: 5 }), fc.constantFrom(9, 13, 18, 21))
    .map(([list, opset]) => ({
      nodes: list.map(([[op, more, joins], integers, lists, texts, from, other], i): TestNode => {
        const read = (k: number): string => names[Math.max(0, i - (k % 3))]!;
        const inputs = joins ? [read(from), read(other)] : [read(from), ...more];
        return { op, inputs, outputs: [i === list.length - 1 ? "y" : names[i + 1]!], integers, lists, texts };
      }),
      tensors: [
        { name: "k", dims: [2, 2, 2, 2] },
        { name: "v", dims: [2] },
        { name: "s", dims: [2, 1, 1] },
        { name: "scales", dims: [4], floats: [1, 1, 2, 2] },
        { name: "pads", dims: [8], type: 7, raw: values([0, 0, 1, 0, 0, 0, 0, 1]) },
        { name: "axes", dims: [2], type: 7, raw: values([2, 3]) },
      ],
      inputs: [["x", 2, 4, 3]],
      outputs: [["y", 2]],
      opset,
    }));
};

/** Graphs of the right kind with wrong things in them: mostly chains, of few names, so that many fit together. */
const graphs = (): fc.Arbitrary<TestFile> => {
  const value = fc.constantFrom("x", "a", "b", "c", "y", "w", "v", "s", "");
  const op = fc.constantFrom(
    ...["Gemm", "MatMul", "Add", "Relu", "Elu", "LeakyRelu", "Softmax", "LogSoftmax", "LayerNormalization", "Dropout"],
    ...[
      "Identity",
      "Flatten",
      "Reshape",
      "Transpose",
      "Constant",
      "Mul",
      "Div",
      "Erf",
      "Sigmoid",
      "Pow",
      "Conv",
      "Gelu",
    ],
    ...["Sub", "Neg", "BatchNormalization", "Squeeze", "Unsqueeze", "Cast", "Shape", "Gather", "Concat", "Slice"],
    ...["ReduceMean", "Sqrt", "Reciprocal", "Clip", "Max", "ai.onnx.ml:Scaler"],
  );
  const integers = fc.dictionary(
    fc.constantFrom("axis", "transB", "transA", "i", "to", "start"),
    fc.integer({ min: -2, max: 3 }),
    {
      maxKeys: 2,
    },
  );
  const floats = fc.dictionary(fc.constantFrom("alpha", "beta", "epsilon", "ratio"), fc.float(), { maxKeys: 2 });
  const node = fc.record({
    op,
    inputs: fc.array(value, { maxLength: 3 }),
    outputs: fc.array(value, { minLength: 1, maxLength: 2 }),
    integers,
    floats,
  });
  // One behind the other, from x to y; most links fit.
  const names = ["x", "a", "b", "c", "y"];
  const sound = fc.constantFrom(
    ...["Relu", "Elu", "Softmax", "Dropout", "Identity", "Flatten", "Sigmoid"].map((key) => ({ op: key, more: [] })),
    ...[["w"], ["w", "v"]].map((more) => ({ op: "Gemm", more })),
    { op: "MatMul", more: ["w"] },
    { op: "LayerNormalization", more: ["v"] },
    { op: "BatchNormalization", more: ["v", "v", "v", "v"] },
    ...["Add", "Sub", "Mul", "Div"].flatMap((key) => ["v", "s"].map((by) => ({ op: key, more: [by] }))),
  );
  const loose = fc.record({ op, more: fc.array(fc.constantFrom("w", "v", "s"), { maxLength: 2 }), integers, floats });
  const link = fc.oneof({ weight: 6, arbitrary: sound }, loose);
  const chain = fc
    .array(link, { minLength: 4, maxLength: 4 })
    .map((list) => list.map((n, i): TestNode => ({ ...n, inputs: [names[i]!, ...n.more], outputs: [names[i + 1]!] })));
  const dim = fc.constantFrom(0, 1, 2, 2, 2, 3, -1, 2 ** 31, 2 ** 53);
  const tensor = (name: string, dims: readonly number[]): fc.Arbitrary<TestTensor> =>
    fc.oneof(
      { weight: 4, arbitrary: fc.constant({ name, dims }) },
      fc.record({ name: fc.constant(name), dims: fc.constantFrom([2, 2], [2], [1], [], [1, 2]) }),
      fc.record({
        name: fc.constant(name),
        dims: fc.array(dim, { maxLength: 4 }),
        type: fc.constantFrom(1, 6, 7, 8, 9, 10, 11, 16),
        raw: fc.uint8Array({ maxLength: 40 }),
      }),
    );
  return fc.record({
    nodes: fc.oneof(fc.array(node, { maxLength: 6 }), chain),
    tensors: fc.tuple(tensor("w", [2, 2]), tensor("v", [2]), tensor("s", [])),
    opset: fc.constantFrom(7, 12, 13, 17, 20),
  });
};

describe("whatever the bytes are, the ONNX reader", () => {
  it("ends in time, within memory, and throws nothing but ChainruleError", { timeout: timeoutOf(MOST) }, async () => {
    const own = writeOnnx(everyLayer, initialise(everyLayer, 1));
    const valid = [own, ...FILES.map(file)].map(mutations);
    const bytes = fc.oneof(
      randomBytes(),
      { weight: 8, arbitrary: graphs().map(onnxFile) },
      { weight: 8, arbitrary: placed().map(onnxFile) },
      ...valid,
    );
    const beside = fc.uint8Array({ minLength: 100, maxLength: 200 });
    await fc.assert(
      // Half floats become floats, twice as large, and what is computed of constants may be 16 times as large.
      fc.asyncProperty(bytes, beside, (input, data) =>
        heldTo(18 * (input.length + data.length), () => {
          const opened = openOnnx(input);
          return opened.net(new Map(opened.files.map((name) => [name, data])));
        }),
      ),
      { numRuns: MOST },
    );
  });

  it("takes some of these graphs, so that what it does with them is tried, too", () => {
    for (const kind of [graphs(), placed()]) {
      let taken = 0;
      for (const graph of fc.sample(kind, { numRuns: 500, seed: 1 })) {
        endsCleanly(() => {
          readOnnx(onnxFile(graph), { loss: "mse" });
          taken++;
        });
      }
      expect(taken).toBeGreaterThan(25);
    }
  });
});

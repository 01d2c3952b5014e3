import { type NdArray, ndarray, sizeOf } from "../../src/core/ndarray.ts";
import { normals, randomWord, STREAM } from "../../src/core/philox.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { embedding } from "../../src/nn/layers/embedding.ts";
import { linear } from "../../src/nn/layers/linear.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { parameterSpecs } from "../../src/nn/parameter-specs.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { block, sequential } from "../../src/nn/sequential.ts";
import { shapesOf } from "../../src/nn/shapes.ts";
import { transformerBlock } from "../../src/nn/transformer-block.ts";

/** A net of sequences, and whether rows have lengths that it looks at. */
export interface SequenceNet {
  readonly name: string;
  readonly model: ModelSpec;
  readonly lengths: boolean;
}

const STEPS = 6;
const VOCABULARY = 9;
/** Of five rows: all, none, one, some. */
const LENGTHS = [STEPS, 0, 1, 4, STEPS];

const net = (name: string, layers: readonly object[], more: object = {}, lengths = false): SequenceNet => ({
  name,
  model: parseModel({ input: [STEPS], layers, loss: "crossEntropy", ...more }),
  lengths,
});
const tokens = { type: "embedding", vocabulary: VOCABULARY, size: 8 };
const head = (from: number) => ({ type: "linear", in: from, out: VOCABULARY });
const classes = (from: number) => ({ type: "linear", in: from, out: 3 });
/** One attention over steps of numbers. */
const attention = (name: string, fields: object): SequenceNet =>
  net(
    name,
    [
      { type: "attention", size: 8, heads: 2, ...fields },
      { type: "linear", in: 8, out: 2 },
    ],
    { input: [STEPS, 8], loss: "mse" },
  );
const recurrent = (type: string, fields: object, behind: string | null, lengths = false): SequenceNet => {
  const width = 5 * ("bidirectional" in fields ? 2 : 1);
  const layers = [tokens, { type, in: 8, out: 5, ...fields }, ...(behind ? [{ type: behind }] : []), classes(width)];
  const what = Object.entries(fields).map(([key, value]) => `, ${key} ${value}`);
  return net(`${type}${what.join("")}${behind ? `, ${behind}` : ""}${lengths ? ", lengths" : ""}`, layers, {}, lengths);
};

/** A net for each way that layers of sequences can be set, small. */
export const sequenceNets: readonly SequenceNet[] = [
  net("embedding, positions, a class a step", [tokens, { type: "positionEmbedding", length: STEPS, size: 8 }, head(8)]),
  net("a padding token, more positions than steps", [
    { ...tokens, paddingIndex: 0 },
    { type: "positionEmbedding", length: 11, size: 8 },
    { type: "rmsNorm", size: 8, eps: 1e-3 },
    head(8),
  ]),
  net("a tied head", [
    { ...tokens, name: "tokens" },
    { type: "rmsNorm", size: 8 },
    { type: "geluTanh" },
    { type: "tiedLinear", to: "tokens", in: 8, out: VOCABULARY },
  ]),
  attention("attention", {}),
  attention("attention, causal", { causal: true }),
  attention("attention, no bias, dropout", { bias: false, dropout: 0.3 }),
  attention("attention, keys shared", { heads: 4, keyHeads: 2, causal: true }),
  attention("attention, turned", { rotary: true, base: 100, causal: true }),
  attention("attention, turned, keys shared", { heads: 4, keyHeads: 1, rotary: true, bias: false }),
  {
    name: "two blocks, causal",
    lengths: false,
    model: sequential(
      [
        embedding(VOCABULARY, 8),
        block("a", transformerBlock({ size: 8, heads: 2, causal: true, dropout: 0.1 })),
        block("b", transformerBlock({ size: 8, heads: 4, keyHeads: 2, causal: true, rotary: true })),
        linear(VOCABULARY),
      ],
      { input: [STEPS], loss: "crossEntropy" },
    ),
  },
  net("a gated block", [
    { ...tokens, name: "tokens" },
    { type: "rmsNorm", size: 8, name: "norm" },
    { type: "linear", in: 8, out: 12, bias: false, name: "gate" },
    { type: "silu", name: "opened" },
    { type: "linear", in: 8, out: 12, bias: false, name: "up", from: "norm" },
    { type: "multiply", from: ["opened", "up"] },
    { type: "linear", in: 12, out: 8, bias: false, name: "down" },
    { type: "add", from: ["tokens", "down"] },
    head(8),
  ]),
  recurrent("lstm", {}, "lastStep"),
  recurrent("lstm", { layers: 3, bidirectional: true }, null),
  recurrent("lstm", { bias: false }, "meanSteps"),
  recurrent("gru", {}, "meanSteps"),
  recurrent("gru", { layers: 2, bidirectional: true, bias: false }, "lastStep"),
  recurrent("rnn", {}, null),
  recurrent("rnn", { nonlinearity: "relu", bidirectional: true }, "lastStep"),
  recurrent("lstm", {}, "lastStep", true),
  recurrent("lstm", { layers: 2, bidirectional: true }, "meanSteps", true),
  recurrent("gru", { bidirectional: true }, null, true),
  recurrent("gru", { layers: 2, bias: false }, "meanSteps", true),
  recurrent("rnn", { nonlinearity: "relu" }, "lastStep", true),
  recurrent("rnn", { bidirectional: true }, null, true),
  net(
    "attention, lengths",
    [
      tokens,
      { type: "attention", size: 8, heads: 2, mask: "lengths" },
      { type: "attention", size: 8, heads: 4, keyHeads: 2, causal: true, rotary: true, mask: "lengths", bias: false },
      { type: "meanSteps" },
      classes(8),
    ],
    {},
    true,
  ),
];

/** Weights for a net, none of them what it begins with, and rows. */
export function sequenceRows({ model, lengths }: SequenceNet): {
  readonly weights: ReadonlyMap<string, NdArray>;
  readonly x: NdArray;
  readonly lengths: NdArray | null;
  /** Whether x is tokens. */
  readonly tokens: boolean;
} {
  const weights = initialise(model, 5);
  for (const [i, { name, role }] of parameterSpecs(model).entries()) {
    const { data } = weights.get(name)!;
    if (role !== "weight") data.set(normals(6, STREAM.check, i, data.length).map((v) => 1 + v / 4));
  }
  const rows = LENGTHS.length;
  const { input, tokens } = shapesOf(model);
  const shape = [rows, ...input];
  const token = (_: unknown, i: number): number => randomWord(7, STREAM.check, 0, i) % VOCABULARY;
  const x = tokens
    ? ndarray(shape, "i32", Array.from({ length: sizeOf(shape) }, token))
    : ndarray(shape, "f32", normals(7, STREAM.check, 1, sizeOf(shape)));
  return { weights, x, lengths: lengths ? ndarray([rows], "i32", LENGTHS) : null, tokens: tokens !== null };
}

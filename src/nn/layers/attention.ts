import type { Tensor } from "../../graph/graph.ts";
import { rotaryTable } from "../../ops/attention/rotary-table.ts";
import { attentionSteps } from "./attention-onnx.ts";
import type { AttentionLora, AttentionSpec } from "./attention-spec.ts";
import { attentionClass, attentionModule } from "./attention-torch.ts";
import type { Fields } from "./fields.ts";
import { register } from "./known.ts";
import type { ForwardContext, LayerType, Wiring } from "./layer-type.ts";
import { adapted, loraOf, loraParameters } from "./lora.ts";
import type { Projection } from "./lora-spec.ts";

export type { AttentionLora, AttentionSpec } from "./attention-spec.ts";

function read(f: Fields): Omit<AttentionSpec, "type"> {
  f.only("size", "heads", "keyHeads", "causal", "bias", "dropout", "mask", "rotary", "base", "lora");
  const size = f.whole("size");
  const heads = f.whole("heads");
  const keyHeads = f.whole("keyHeads", heads);
  const rotary = f.flag("rotary", false);
  if (size % heads !== 0) f.bad(`"heads" must divide "size", got ${heads} and ${size}`);
  if (heads % keyHeads !== 0) f.bad(`"keyHeads" must divide "heads", got ${keyHeads} and ${heads}`);
  if (rotary && (size / heads) % 2 !== 0) {
    f.bad(`"rotary" turns pairs: size / heads must be even, got ${size / heads}`);
  }
  const mask = f.has("mask") ? f.value("mask", ["lengths"]) : undefined;
  if (mask !== undefined && mask !== "lengths") f.bad(`"mask" must be "lengths", got ${JSON.stringify(mask)}`);
  const lora = loraOf(f, ["in_proj", "q_proj", "k_proj", "v_proj", "out_proj"]) as AttentionLora | undefined;
  if (lora?.targets.includes("in_proj") && lora.targets.some((target) => /^[qkv]_proj$/.test(target))) {
    f.bad('"lora": in_proj is queries, keys and values as one map: adapt that, or q_proj, k_proj and v_proj');
  }
  return {
    ...{ size, heads, keyHeads, causal: f.flag("causal", false), bias: f.flag("bias", true) },
    ...{ dropout: f.number("dropout", 0, 0, 1), rotary, base: f.number("base", 10000, 1, 1e12) },
    ...(mask === undefined ? {} : { mask: "lengths" }),
    ...(lora && { lora }),
  };
}

/** Values that the first projection gives a step: queries, keys and values. */
const projected = ({ size, heads, keyHeads }: AttentionSpec): number => size + (2 * keyHeads * size) / heads;

/** Its linear maps: what adapters may stand beside. */
export function attentionMaps(layer: AttentionSpec): readonly Projection[] {
  const { size } = layer;
  const width = projected(layer);
  const keys = (width - size) / 2;
  const input = { inputs: size, weight: "in_proj_weight" } as const;
  return [
    { target: "in_proj", outputs: width, first: 0, ...input },
    { target: "q_proj", outputs: size, first: 0, ...input },
    { target: "k_proj", outputs: keys, first: size, ...input },
    { target: "v_proj", outputs: keys, first: size + keys, ...input },
    { target: "out_proj", inputs: size, outputs: size, weight: "out_proj.weight", first: 0 },
  ];
}

/** Those that have one. */
export const attentionAdapters = (layer: AttentionSpec): readonly Projection[] =>
  attentionMaps(layer).filter(({ target }) => (layer.lora?.targets as readonly string[] | undefined)?.includes(target));

/** The same values as rows, through a projection and its adapters, and as steps again. */
async function project(
  c: ForwardContext,
  layer: AttentionSpec,
  x: Tensor,
  key: string,
  bias: string,
  what: string,
): Promise<Tensor> {
  const { g, ops, parameter } = c;
  const { reshape } = await c.layerOps();
  const [n, t, size] = x.shape as readonly [number, number, number];
  const rows = g.one(reshape, [x], { shape: [n * t, size] }, `rows of ${x.name}`);
  const product = g.one(ops.matmul, [rows, parameter(key)], null, layer.bias ? `${what}, product` : what);
  const own = layer.bias ? g.one(ops.addBias, [product, parameter(bias)], null, what) : product;
  const maps = attentionAdapters(layer).filter(({ weight }) => weight === key);
  const y = await adapted(c, layer.lora, maps, own, rows, what);
  return g.one(reshape, [y], { shape: [n, t, y.shape[1]!] }, what);
}

export const attentionLayer: LayerType<AttentionSpec> = {
  type: "attention",
  read,
  fill: (layer, input) => ({ size: input.at(-1)!, ...layer }),
  open: "attention({ heads })",
  shape({ size }, [x], misfit) {
    if (x!.length !== 2 || x![1] !== size) misfit(`steps of ${size} values, [t, ${size}]`);
    return x!;
  },
  parameters(layer) {
    const { size, bias } = layer;
    const width = projected(layer);
    return [
      {
        ...{ key: "in_proj_weight", shape: [size, width], role: "weight", transposed: true },
        within: Math.sqrt(6 / (size + width)),
      },
      ...(bias ? [{ key: "in_proj_bias", shape: [width], role: "bias" } as const] : []),
      {
        ...{ key: "out_proj.weight", shape: [size, size], role: "weight", transposed: true },
        within: 1 / Math.sqrt(size),
      },
      ...(bias ? [{ key: "out_proj.bias", shape: [size], role: "bias" } as const] : []),
      ...loraParameters(layer.lora, attentionAdapters(layer)),
    ];
  },
  lengths: ({ mask }) => mask === "lengths",
  onnx: attentionSteps,
  torch: (layer) => attentionModule(layer, attentionAdapters(layer)),
  torchClass: attentionClass,
  async forward(c, layer, [x]) {
    const { g, name, training, lengths, cursor, seed, index } = c;
    const { size, heads, keyHeads, causal, dropout: p, rotary: turned, base, mask } = layer;
    const { attention, rotary } = await c.layerOps();
    let qkv = await project(c, layer, x!, "in_proj_weight", "in_proj_bias", `${name}: queries, keys and values`);
    if (turned) {
      const table = g.variable(`${name}: angles`, rotaryTable(c.window ?? x!.shape[1]!, size / heads, base));
      qkv = g.one(rotary, [qkv, table], { heads: heads + keyHeads, back: false }, `${name}: turned`);
    }
    const dropout = training && p > 0 ? { p, seed, layer: index } : null;
    const masked = mask === "lengths" && lengths !== null;
    const inputs = [qkv, ...(masked ? [lengths] : []), ...(dropout ? [cursor!] : [])];
    const attrs = { heads, keyHeads, causal, lengths: masked, dropout };
    const [o] = g.add(attention, inputs, attrs, [`${name}: heads`, `${name}: log-sum-exp`]);
    return project(c, layer, o!, "out_proj.weight", "out_proj.bias", name);
  },
};

/** How attention is made. */
export interface AttentionOptions extends Wiring {
  /** Heads of queries; they divide the width of a step. */
  readonly heads: number;
  /** Heads of keys and values, fewer where several heads of queries share one; as many as heads by default. */
  readonly keyHeads?: number;
  /** Whether a step sees itself and earlier steps alone; false by default. */
  readonly causal?: boolean;
  /** Whether both projections have a bias; true by default. */
  readonly bias?: boolean;
  /** Share of the weights that training drops, at least 0 and below 1; 0 by default. */
  readonly dropout?: number;
  /** "lengths" where rows have lengths of their own. */
  readonly mask?: "lengths";
  /** Whether queries and keys are turned by angles of their steps (rotary position embedding); false by default. */
  readonly rotary?: boolean;
  /** Base of those angles; 10000 by default. */
  readonly base?: number;
}

/**
 * Self-attention: from x [batch, t, size] to y [batch, t, size]. Each step's query meets the keys of all steps that it may
 * see, and it gets the mean of their values, weighted by a softmax of the products over the root of size / heads; before
 * and behind that stand linear maps. Scores [t, t] are nowhere in memory.
 */
export function attention(options: AttentionOptions): Omit<AttentionSpec, "size"> {
  register(attentionLayer);
  const { heads } = options;
  return {
    ...{ type: "attention", keyHeads: heads, causal: false, bias: true, dropout: 0, rotary: false, base: 10000 },
    ...options,
  };
}

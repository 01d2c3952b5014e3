import type { NdArray } from "../../core/ndarray.ts";
import type { Value, WiredNet } from "../net/wired-net.ts";
import { brief } from "../safetensors/header.ts";
import { type Constant, matrixOf, type Room, vectorOf } from "./constants.ts";
import type { GraphNode } from "./net-graph.ts";
import { number } from "./place.ts";
import { refuse } from "./protobuf.ts";
import { type Axis, canonical, countOf, dimsOf, regrouped, type View } from "./view.ts";
import type { Heads, Scores } from "./wired-attention.ts";
import { addedMask, masked } from "./wired-masks.ts";

/** ONNX's op since opset 23, and two of ONNX Runtime's own. */
const KINDS = ["Attention", "com.microsoft:Attention", "com.microsoft:MultiHeadAttention"] as const;
export const isAttention = (op: string): boolean => (KINDS as readonly string[]).includes(op);

interface AttentionPlace {
  readonly net: WiredNet;
  readonly constants: ReadonlyMap<string, Constant>;
  readonly room: Room;
  readonly batchSize: number | null;
  heads(name: string): Heads;
  /** A value with its rows first. */
  whole(name: string): Value;
}

interface MadeAttention {
  readonly scores: Scores;
  readonly values: Heads;
  /** The axes of the op's output, out of [rows, heads, steps, values]. */
  joined(axes: readonly Axis[]): readonly Axis[];
}

/** Heads side by side in each step, [rows, steps, heads d], as [rows, heads, steps, d]. */
function apart(heads: Heads, count: number, batchSize: number | null, where: string): Heads {
  const { view } = heads;
  if (view.axes.length === 4) return heads;
  const axes = regrouped(view.axes, [...dimsOf(view).slice(0, 2), count, -1], batchSize);
  if (view.axes.length !== 3 || !axes) {
    return refuse(`${where}: ${countOf(view.axes.at(-1) ?? [])} values a step are not ${count} heads`);
  }
  return { ...heads, view: { ...view, axes: [axes[0]!, axes[2]!, axes[1]!, axes[3]!] } };
}

/** What one node that is a whole attention multiplies. Refuses what a layer here has not. */
export function attentionNode(node: GraphNode, place: AttentionPlace): MadeAttention {
  const { where, op } = node;
  const own = op === "Attention";
  const without = own
    ? { 4: "past_key", 5: "past_value", 6: "nonpad_kv_seqlen" }
    : op === "com.microsoft:Attention"
      ? { 3: "mask_index", 4: "past", 5: "attention_bias" }
      : { 4: "key_padding_mask", 5: "attention_bias", 6: "past_key", 7: "past_value" };
  for (const [index, what] of Object.entries(without)) {
    if (node.inputs[Number(index)]) refuse(`${where}: its input ${what}, which no layer here takes`);
  }
  if (number(node, "softcap", 0) !== 0) refuse(`${where}: softcap bounds its scores, which no layer here does`);
  if (number(node, "do_rotary", 0) !== 0) refuse(`${where}: do_rotary turns its heads by tables that it makes itself`);
  const [q, k, v] = op === "com.microsoft:Attention" ? projected(node, place) : given(node, place);
  const flat = q!.view.axes.length === 3;
  const count = number(node, own ? "q_num_heads" : "num_heads", 0);
  if (flat && !(count >= 1)) refuse(`${where}: how many heads it has is not said`);
  const shared = own ? number(node, "kv_num_heads", count) : count;
  const [queries, keys, values] = [q!, k!, v!].map((heads, i) =>
    apart(heads, i === 0 ? count : shared, place.batchSize, where),
  ) as [Heads, Heads, Heads];
  const d = countOf(queries.view.axes.at(-1)!);
  // Heads that share keys: queries as [rows, shared, of one, steps, d] meet them.
  const [heads, groups] = [countOf(queries.view.axes[1]!), countOf(keys.view.axes[1]!)];
  if (groups < 1 || heads % groups !== 0) refuse(`${where}: ${heads} heads cannot share ${groups} of keys`);
  const among = regrouped([queries.view.axes[1]!], [groups, heads / groups], null);
  const grouped: View = { ...queries.view, axes: queries.view.axes.toSpliced(1, 1, ...(among ?? [])) };
  const each = (h: Heads): Heads => ({ ...h, view: { ...h.view, axes: h.view.axes.toSpliced(2, 0, []) } });
  const scale = number(node, "scale", 0) || 1 / Math.sqrt(d);
  let scores: Scores = {
    ...{ queries: { ...queries, view: grouped }, keys: each(keys), factor: scale, causal: false, weights: true },
  };
  const mask = own && node.inputs[3] ? place.constants.get(node.inputs[3]) : null;
  if (mask === undefined) refuse(`${where}: its mask ${brief(node.inputs[3] ?? "")} must be a constant of the file`);
  if (mask) {
    scores = mask.whole
      ? masked(scores, mask, (value) => value === 0, place.room, where)
      : addedMask(scores, mask, place.room, where);
  }
  if (number(node, own ? "is_causal" : "unidirectional", 0) !== 0) scores = { ...scores, causal: true };
  return {
    scores,
    values: each(values),
    joined: ([rows, a, b, steps, of]) =>
      flat ? [rows!, steps!, [...a!, ...b!, ...of!]] : [rows!, [...a!, ...b!], steps!, of!],
  };
}

function given(node: GraphNode, place: AttentionPlace): readonly Heads[] {
  const [q, k, v, bias] = node.inputs;
  const all = [q, k || q, v || k || q].map((name) => place.heads(name!));
  const added = node.op === "Attention" || !bias ? null : place.constants.get(bias);
  if (added === undefined) return refuse(`${node.where}: its bias must be a constant of the file`);
  if (!added) return all;
  const { net } = place;
  const width = added.dims.at(-1)! / 3;
  const values = vectorOf(added, 3 * width, 1, node.where);
  return [q, k || q, v || k || q].map((name, i) => {
    const shift = Float64Array.from(values.data.subarray(i * width, (i + 1) * width));
    const value = net.affine(place.whole(name!), { scale: Float64Array.of(1), shift }, 1, node.where);
    return { view: canonical(value, net.shapeOf(value)), factor: 1, turned: null };
  });
}

/** Queries, keys and values side by side, of one product. */
function projected(node: GraphNode, place: AttentionPlace): readonly Heads[] {
  const { net, constants } = place;
  const [x, weight, bias] = node.inputs;
  const [w, b] = [constants.get(weight ?? ""), constants.get(bias ?? "")];
  if (!w || (bias && !b)) return refuse(`${node.where}: its weight and bias must be constants of the file`);
  if (node.attributes.has("qkv_hidden_sizes")) refuse(`${node.where}: qkv_hidden_sizes: widths that differ`);
  net.claim(
    w.dims.reduce((a, c) => a * c, 1),
    node.where,
  );
  const matrix: NdArray = matrixOf(w, false, 1, node.where);
  const [inputs, out] = matrix.shape as readonly [number, number];
  const arrays = { weight: matrix, ...(b ? { bias: vectorOf(b, out, 1, node.where) } : {}) };
  const value = net.add(
    { type: "linear", in: inputs, out, bias: b !== undefined },
    [place.whole(x!)],
    node.where,
    arrays,
  );
  const view = canonical(value, net.shapeOf(value));
  const width = out / 3;
  return [0, 1, 2].map((i): Heads => {
    const axes = [...view.axes.slice(0, -1), [{ size: width, stride: 1 }]];
    return { view: { ...view, axes, offset: i * width }, factor: 1, turned: null };
  });
}

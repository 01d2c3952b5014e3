import type { WasmCall, WasmPlan } from "../../graph/op.ts";
import { streamOf, threshold } from "../elementwise/dropout.ts";
import { input, output, scratch } from "../shared/dispatch-plan.ts";
import { float } from "../shared/wasm-plan.ts";
import type { AttentionAttrs, AttentionDims } from "./geometry.ts";

/** Queries and keys of a block, as in wasm/attention-block.ts, and words that dropout draws at once, with room to turn them. */
const QUERIES = 48;
const KEYS = 96;
const WORDS = 32;
/** The most parts, each of which has a scratch of its own; multiply-adds that are worth one. */
const MOST_PARTS = 16;
const PART_WORK = 2 ** 20;

/** Parts of so many units, none of which is divided. */
function partsOf({ n, t, heads, d }: AttentionDims, units: number): number {
  const worth = Math.floor((n * heads * t * t * d) / PART_WORK);
  return Math.max(1, Math.min(units, worth, MOST_PARTS));
}

/** The words that both kernels end with; lengths and cursor stand at `rest` among the inputs. */
function words(dims: AttentionDims, attrs: AttentionAttrs, rest: number, room: number): WasmCall["args"] {
  const { n, t, heads, keyHeads, d, scale } = dims;
  const { causal, lengths, dropout } = attrs;
  const { p, seed, layer } = dropout ?? { p: 0, seed: 0, layer: 0 };
  return [
    ...[n, t, heads, keyHeads, d, causal ? 1 : 0],
    lengths ? input(rest) : 0,
    dropout ? input(rest + (lengths ? 1 : 0)) : 0,
    ...[seed >>> 0, streamOf(layer), threshold(p), float(1 / (1 - p)), float(scale), room],
  ];
}

export function attentionCalls(dims: AttentionDims, attrs: AttentionAttrs): WasmPlan {
  const room = (dims.d + KEYS + 3) * QUERIES + WORDS;
  const parts = partsOf(dims, dims.n * dims.heads * Math.ceil(dims.t / QUERIES));
  const arrays = [input(0), output(0), output(1), scratch(0, "read_write")];
  return {
    calls: [{ fn: "attention", args: [...arrays, ...words(dims, attrs, 1, room)], parts }],
    scratch: [{ shape: [parts * room], dtype: "f32" }],
  };
}

export function attentionGradientCalls(dims: AttentionDims, attrs: AttentionAttrs): WasmPlan {
  const { n, keyHeads, d } = dims;
  const room = (2 * d + 2 * KEYS + 1) * QUERIES + WORDS;
  const parts = partsOf(dims, n * keyHeads);
  const arrays = [...[0, 1, 2, 3].map(input), output(0), scratch(0, "read_write")];
  return {
    calls: [{ fn: "attentionGradient", args: [...arrays, ...words(dims, attrs, 4, room)], parts }],
    scratch: [{ shape: [parts * room], dtype: "f32" }],
  };
}

import { type AttentionBlock, blockRows } from "../../../shaders/attention/block.ts";
import { attentionKeyBlock, attentionQueryBlock } from "../../../shaders/attention/block-backward.ts";
import { attentionBlock } from "../../../shaders/attention/block-forward.ts";
import { type AttentionVariant, attentionParams } from "../../../shaders/attention/common.ts";
import { attentionKeyRow, attentionQueryRow, attentionRow, attentionSums } from "../../../shaders/attention/row.ts";
import { type AttentionTile, tileRows } from "../../../shaders/attention/tile.ts";
import { attentionKeyTile, attentionQueryTile } from "../../../shaders/attention/tile-backward.ts";
import { attentionTile } from "../../../shaders/attention/tile-forward.ts";
import type { Binding, DeviceCaps, Kernel, Launch } from "../../graph/op.ts";
import { registersOf } from "../../graph/registers.ts";
import { streamOf, threshold } from "../elementwise/dropout.ts";
import { flatLaunch, grid, inFours, input, output, scratch } from "../shared/dispatch-plan.ts";
import { type AttentionAttrs, type AttentionDims, attentionDims, wordsOf } from "./geometry.ts";

const variantOf = ({ lengths, dropout }: AttentionAttrs): AttentionVariant => ({ lengths, dropout: dropout !== null });

/** The bindings of lengths and cursor, which stand at `rest` among the inputs. */
const extras = ({ lengths, dropout }: AttentionAttrs, rest: number): readonly Binding[] =>
  Array.from({ length: (lengths ? 1 : 0) + (dropout ? 1 : 0) }, (_, i) => input(rest + i));

export function paramsOf(dims: AttentionDims, { causal, dropout }: AttentionAttrs, size: number): ArrayBuffer {
  const { t, heads, keyHeads, d, width, scale } = dims;
  const { p, seed, layer } = dropout ?? { p: 0, seed: 0, layer: 0 };
  return attentionParams.pack({
    ...{ size, t, heads, keyHeads, d, width, scale, causal: causal ? 1 : 0, words: wordsOf(t) },
    ...{ seed: seed >>> 0, stream: streamOf(layer), threshold: threshold(p), keep: 1 / (1 - p) },
  });
}

/** Sums of dy o, for which both launches behind it wait; scratch 0. */
function sumsLaunch(dims: AttentionDims, attrs: AttentionAttrs, caps: DeviceCaps): Launch {
  const size = dims.n * dims.heads * dims.t;
  const bindings = [input(0), input(2), scratch(0, "read_write")];
  const [four, d] = inFours(dims.d);
  return flatLaunch(attentionSums(four), paramsOf({ ...dims, d }, attrs, size), bindings, size, caps);
}

const forwardBindings = (attrs: AttentionAttrs): readonly Binding[] => [
  input(0),
  ...extras(attrs, 1),
  output(0),
  output(1),
];
const gradientBindings = (attrs: AttentionAttrs): readonly Binding[] => [
  input(0),
  input(1),
  input(3),
  scratch(0, "read"),
  ...extras(attrs, 4),
  output(0),
];

/** Widths of heads that are written out. */
const MOST_WIDTH = 128;

/** A kernel of heads of one width, and the rows, of queries or keys, that a workgroup of it has. */
interface Text {
  readonly rows: number;
  readonly code: (variant: AttentionVariant) => string;
}
interface Texts {
  readonly forward: Text;
  readonly query: Text;
  readonly key: Text;
}

/** More rows are faster and take longer to compile: four of 32 save a fifth of what two take on SwiftShader, and its compiler three times as long. */
function quadTexts(d: number): Texts {
  const tile: AttentionTile = { d, rows: d > 32 ? 1 : 2 };
  const text = (code: (variant: AttentionVariant, tile: AttentionTile) => string): Text => ({
    rows: tileRows(tile),
    code: (variant) => code(variant, tile),
  });
  return { forward: text(attentionTile), query: text(attentionQueryTile), key: text(attentionKeyTile) };
}

/**
 * Numbers of a head's width that an invocation has of each key, value and sum of theirs at a time, and what it needs beside
 * them. Where registers are few, queries take less: bench/NOTES.md has what compilers make of it.
 */
const KEPT = 6;
const KEPT_OF_QUERIES = 3;
const BESIDE = 40;
/** Invocations that share a row at most, and of those that add up by exchange: of more, memory is faster. */
const MOST_PARTS = 16;
const MOST_LANES = 8;

/** Null where registers do not hold a head's part. */
function blockTexts(d: number, caps: DeviceCaps): Texts | null {
  const ahead = registersOf(caps) >= 128;
  const lanes = caps.subgroups ? Math.min(caps.subgroupMinSize, MOST_LANES) : 1;
  const partsOf = (kept: number): number | null => {
    const most = (registersOf(caps) - BESIDE) / kept;
    let parts = 1;
    while (d / parts > most && parts < MOST_PARTS) parts *= 2;
    return d / parts > most || (d / 4) % parts !== 0 ? null : parts;
  };
  const parts = partsOf(KEPT);
  if (parts === null) return null;
  const fewer = ahead ? parts : (partsOf(KEPT_OF_QUERIES) ?? parts);
  const text = (code: (variant: AttentionVariant, block: AttentionBlock) => string, block: AttentionBlock): Text => ({
    rows: blockRows(block),
    code: (variant) => code(variant, block),
  });
  return {
    // Four scores at a time: beyond quads each would take instructions enough to go through memory as fast.
    forward: text(attentionBlock, { d, parts: fewer, lanes: Math.min(lanes, 4), ahead }),
    // By way of memory it needs more registers.
    query: text(attentionQueryBlock, { d, parts: fewer <= lanes ? fewer : parts, lanes, ahead }),
    key: text(attentionKeyBlock, { d, parts, lanes, ahead }),
  };
}

/** What must be there for a way, and where it is the one to take. */
interface Way {
  readonly name: string;
  readonly needs?: "subgroups";
  readonly suits: (caps: DeviceCaps) => boolean;
  readonly texts: (d: number, caps: DeviceCaps) => Texts | null;
}
const ways: readonly Way[] = [
  { name: "block", suits: () => true, texts: blockTexts },
  { name: "quads", needs: "subgroups", suits: ({ onCpu }) => onCpu, texts: quadTexts },
];

/** Of heads that are written out, where a device has what the way needs. */
const textsOf = ({ needs, texts }: Way, d: number, caps: DeviceCaps): Texts | null =>
  d % 4 !== 0 || d > MOST_WIDTH || (needs && !caps[needs]) ? null : texts(d, caps);

/** A launch of workgroups that have some rows of each of so many heads of every row. */
function tileLaunch(
  { code, rows }: Text,
  dims: AttentionDims,
  heads: number,
  attrs: AttentionAttrs,
  bindings: readonly Binding[],
  caps: DeviceCaps,
): Launch {
  const count = dims.n * heads * Math.ceil(dims.t / rows);
  const params = paramsOf(dims, attrs, count);
  return { code: code(variantOf(attrs)), params, bindings, workgroups: grid(count, caps) };
}

export const attentionKernels: readonly Kernel<AttentionAttrs>[] = [
  {
    name: "attention/row",
    plan([qkv], _outputs, attrs, caps) {
      const dims = attentionDims(qkv!, attrs);
      const size = dims.n * dims.heads * dims.t;
      const code = attentionRow(variantOf(attrs));
      return { launches: [flatLaunch(code, paramsOf(dims, attrs, size), forwardBindings(attrs), size, caps)] };
    },
  },
  ...ways.map(
    (way): Kernel<AttentionAttrs> => ({
      name: `attention/${way.name}`,
      ...(way.needs && { needs: way.needs }),
      suits: (_inputs, _attrs, caps) => way.suits(caps),
      plan([qkv], _outputs, attrs, caps) {
        const dims = attentionDims(qkv!, attrs);
        const texts = textsOf(way, dims.d, caps);
        if (!texts) return null;
        return { launches: [tileLaunch(texts.forward, dims, dims.heads, attrs, forwardBindings(attrs), caps)] };
      },
    }),
  ),
];

export const attentionGradientKernels: readonly Kernel<AttentionAttrs>[] = [
  {
    name: "attentionGradient/row",
    plan([, qkv, , lse], _outputs, attrs, caps) {
      const dims = attentionDims(qkv!, attrs);
      const variant = variantOf(attrs);
      const launch = (code: string, size: number): Launch =>
        flatLaunch(code, paramsOf(dims, attrs, size), gradientBindings(attrs), size, caps);
      return {
        scratch: [{ shape: lse!.shape, dtype: "f32" }],
        launches: [
          sumsLaunch(dims, attrs, caps),
          launch(attentionQueryRow(variant), dims.n * dims.heads * dims.t),
          launch(attentionKeyRow(variant), dims.n * dims.keyHeads * dims.t),
        ],
      };
    },
  },
  ...ways.map(
    (way): Kernel<AttentionAttrs> => ({
      name: `attentionGradient/${way.name}`,
      ...(way.needs && { needs: way.needs }),
      suits: (_inputs, _attrs, caps) => way.suits(caps),
      plan([, qkv, , lse], _outputs, attrs, caps) {
        const dims = attentionDims(qkv!, attrs);
        const texts = textsOf(way, dims.d, caps);
        if (!texts) return null;
        const launch = (text: Text, heads: number): Launch =>
          tileLaunch(text, dims, heads, attrs, gradientBindings(attrs), caps);
        return {
          scratch: [{ shape: lse!.shape, dtype: "f32" }],
          launches: [sumsLaunch(dims, attrs, caps), launch(texts.query, dims.heads), launch(texts.key, dims.keyHeads)],
        };
      },
    }),
  ),
];

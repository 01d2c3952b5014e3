import { type AttentionVariant, attentionParams } from "../../../shaders/attention/common.ts";
import { attentionKeyRow, attentionQueryRow, attentionRow, attentionSums } from "../../../shaders/attention/row.ts";
import { type AttentionTile, tileRows } from "../../../shaders/attention/tile.ts";
import { attentionKeyTile, attentionQueryTile } from "../../../shaders/attention/tile-backward.ts";
import { attentionTile } from "../../../shaders/attention/tile-forward.ts";
import type { Binding, DeviceCaps, Kernel, Launch } from "../../graph/op.ts";
import { streamOf, threshold } from "../elementwise/dropout.ts";
import { flatLaunch, grid, input, output, scratch } from "../shared/dispatch-plan.ts";
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
  return flatLaunch(attentionSums(), paramsOf(dims, attrs, size), bindings, size, caps);
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

type Way = AttentionTile["way"];

/**
 * The tile for heads of a width, or null where there is none. More rows are faster and take longer to compile: four of 32
 * save a fifth of what two take on SwiftShader, and its compiler three times as long.
 */
function tileOf(d: number, way: Way): AttentionTile | null {
  if (d % 4 !== 0 || d > MOST_WIDTH) return null;
  return { d, way, rows: way === "block" || d > 32 ? 1 : 2 };
}

/** What must be there for a way, and where it is the one to take. */
const ways: readonly { readonly way: Way; readonly needs?: "subgroups"; suits(caps: DeviceCaps): boolean }[] = [
  { way: "block", suits: () => true },
  { way: "quads", needs: "subgroups", suits: ({ onCpu }) => onCpu },
];

/** A launch of workgroups that have a tile's rows of each of so many heads of every row. */
function tileLaunch(
  code: string,
  tile: AttentionTile,
  dims: AttentionDims,
  heads: number,
  attrs: AttentionAttrs,
  bindings: readonly Binding[],
  caps: DeviceCaps,
): Launch {
  const count = dims.n * heads * Math.ceil(dims.t / tileRows(tile));
  return { code, params: paramsOf(dims, attrs, count), bindings, workgroups: grid(count, caps) };
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
    ({ way, needs, suits }): Kernel<AttentionAttrs> => ({
      name: `attention/${way}`,
      ...(needs && { needs }),
      suits: (_inputs, _attrs, caps) => suits(caps),
      plan([qkv], _outputs, attrs, caps) {
        const dims = attentionDims(qkv!, attrs);
        const tile = tileOf(dims.d, way);
        if (!tile || (needs && !caps[needs])) return null;
        const code = attentionTile(variantOf(attrs), tile);
        return { launches: [tileLaunch(code, tile, dims, dims.heads, attrs, forwardBindings(attrs), caps)] };
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
    ({ way, needs, suits }): Kernel<AttentionAttrs> => ({
      name: `attentionGradient/${way}`,
      ...(needs && { needs }),
      suits: (_inputs, _attrs, caps) => suits(caps),
      plan([, qkv, , lse], _outputs, attrs, caps) {
        const dims = attentionDims(qkv!, attrs);
        const tile = tileOf(dims.d, way);
        if (!tile || (needs && !caps[needs])) return null;
        const variant = variantOf(attrs);
        const launch = (code: string, heads: number): Launch =>
          tileLaunch(code, tile, dims, heads, attrs, gradientBindings(attrs), caps);
        return {
          scratch: [{ shape: lse!.shape, dtype: "f32" }],
          launches: [
            sumsLaunch(dims, attrs, caps),
            launch(attentionQueryTile(variant, tile), dims.heads),
            launch(attentionKeyTile(variant, tile), dims.keyHeads),
          ],
        };
      },
    }),
  ),
];

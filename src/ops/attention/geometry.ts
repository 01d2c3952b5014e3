import { ChainruleError } from "../../core/errors.ts";
import type { NdArray } from "../../core/ndarray.ts";
import { callText, type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { DropoutAttrs } from "../elementwise/dropout.ts";

/** Settings of attention. */
export interface AttentionAttrs {
  /** Heads of queries. */
  readonly heads: number;
  /** Heads of keys and values, a divisor of heads: query head h reads key head floor(h / (heads / keyHeads)). */
  readonly keyHeads: number;
  /** True where step i sees steps 0 to i alone. */
  readonly causal: boolean;
  /** True where an input i32 [n] says how many steps of each row count. */
  readonly lengths: boolean;
  /** Weights that are dropped while training, by the counter-based bits of dropout; null for none. */
  readonly dropout: DropoutAttrs | null;
}

/** Sizes of one problem. qkv lies as [n, t, (heads + 2 keyHeads) d]: queries, then keys, then values of every step. */
export interface AttentionDims {
  readonly n: number;
  /** Steps of a row. */
  readonly t: number;
  readonly heads: number;
  readonly keyHeads: number;
  /** Width of a head. */
  readonly d: number;
  /** Floats from one step to the next in qkv. */
  readonly width: number;
  /** What scores are multiplied by: 1 / sqrt(d). */
  readonly scale: number;
}

type Shaped = Pick<TensorSpec, "shape">;

/** Sizes, from qkv and the settings. */
export function attentionDims(qkv: Shaped, { heads, keyHeads }: AttentionAttrs): AttentionDims {
  const [n, t, width] = qkv.shape as readonly [number, number, number];
  const d = width / (heads + 2 * keyHeads);
  return { n, t, heads, keyHeads, d, width, scale: 1 / Math.sqrt(d) };
}

/**
 * Random words that dropout counts for a row of scores: a multiple of four, so that four neighbouring keys share one call of
 * the generator.
 */
export const wordsOf = (t: number): number => 4 * Math.ceil(t / 4);

/** Throws where inputs do not fit: `before` of them stand before qkv's own, which are qkv, lengths and the cursor. */
export function expectAttention(
  op: { readonly name: string },
  inputs: readonly TensorSpec[],
  attrs: AttentionAttrs,
  at: { readonly qkv: number; readonly rest: number },
): AttentionDims {
  const { heads, keyHeads, lengths, dropout } = attrs;
  const qkv = inputs[at.qkv];
  if (
    !(Number.isInteger(heads) && Number.isInteger(keyHeads) && keyHeads >= 1 && heads % keyHeads === 0 && heads >= 1)
  ) {
    throw new ChainruleError("value", `${op.name}: keyHeads must divide heads, got ${keyHeads} and ${heads}`);
  }
  if (inputs.length !== at.rest + (lengths ? 1 : 0) + (dropout ? 1 : 0) || qkv?.shape.length !== 3) {
    wrongShapes(
      op,
      inputs,
      "qkv [n, t, (heads + 2 keyHeads) d], lengths [n] and a cursor [4] where they are asked for",
    );
  }
  const dims = attentionDims(qkv, attrs);
  if (!Number.isInteger(dims.d) || dims.d < 1) {
    wrongShapes(op, inputs, `a last axis that ${heads + 2 * keyHeads} heads divide`);
  }
  const given = inputs[at.rest]!;
  if (lengths && (given.shape.length !== 1 || given.shape[0] !== dims.n || given.dtype !== "i32")) {
    wrongShapes(op, inputs, `lengths i32 [${dims.n}]`);
  }
  if (dropout) {
    if (!(dropout.p >= 0 && dropout.p < 1)) {
      throw new ChainruleError("value", `${op.name}: p must be at least 0 and below 1, got ${dropout.p}`);
    }
    if (dims.n * heads * dims.t * wordsOf(dims.t) > 2 ** 32) {
      const most = "2^32 random words that one step has";
      throw new ChainruleError(
        "limit",
        `${callText(op, inputs)}: dropout needs more than the ${most}; use a smaller batch`,
      );
    }
  }
  return dims;
}

/** Keys that the query at step i of a row sees: none where it lies behind the row's end. */
export function keysSeen(i: number, t: number, causal: boolean, length: number | undefined): number {
  const end = length === undefined ? t : Math.min(Math.max(length, 0), t);
  if (i >= end) return 0;
  return causal ? i + 1 : end;
}

/** Where head h of step i of row b begins in qkv: its query, the key and the value that it reads. */
export const placesOf = ({ t, heads, keyHeads, d, width }: AttentionDims, b: number, h: number) => {
  const read = Math.floor(h / (heads / keyHeads));
  return {
    q: b * t * width + h * d,
    k: b * t * width + (heads + read) * d,
    v: b * t * width + (heads + keyHeads + read) * d,
  };
};

/** What of a case's or a node's inputs stands behind qkv. */
export function extrasOf(inputs: readonly NdArray[], rest: number, { lengths, dropout }: AttentionAttrs) {
  return {
    lengths: lengths ? inputs[rest]! : null,
    cursor: dropout ? inputs[rest + (lengths ? 1 : 0)]! : null,
  };
}

import { read, type StorageDeclaration, storage } from "../common.ts";
import { paramBlock } from "../params.ts";
import { philox } from "../random.ts";
import { wgsl } from "../wgsl.ts";

/** What some attentions have and others have not. */
export interface AttentionVariant {
  /** Rows have lengths of their own. */
  readonly lengths: boolean;
  /** Weights are dropped. */
  readonly dropout: boolean;
}

/**
 * `size`: invocations, or workgroups, that have something to do. `words`: random words that a row of scores counts; `seed`,
 * `stream`, `threshold` and `keep`, which is 1 / (1 - p), are read where weights are dropped.
 */
export const attentionParams = paramBlock({
  size: "u32",
  t: "u32",
  heads: "u32",
  keyHeads: "u32",
  d: "u32",
  width: "u32",
  causal: "u32",
  scale: "f32",
  words: "u32",
  seed: "u32",
  stream: "u32",
  threshold: "u32",
  keep: "f32",
});

/** Below any score: the running maximum before the first. */
export const LOWEST = "-3.0e38";

/**
 * What every kernel begins with: `declarations` and behind them, where the variant has them, lengths and cursor;
 * `lengthOf(b)`, the steps of row b that count; `seenBy(i, length, causal)`, keys that the query at step i sees;
 * `kept(row, j)`, what dropout makes of the weight of key j, `kept4` that of four keys from j on, a multiple of four.
 */
export function attentionHead(
  { lengths, dropout }: AttentionVariant,
  before: readonly StorageDeclaration[],
  after: readonly StorageDeclaration[],
): string {
  const own = [...(lengths ? [read("lengths", "i32")] : []), ...(dropout ? [read("cursor", "u32")] : [])];
  return wgsl`
${attentionParams.wgsl}
${storage(...before, ...own, ...after)}
fn lengthOf(b: u32) -> u32 {
#if ${lengths}
  return min(u32(max(lengths[b], 0)), params.t);
#else
  return params.t;
#endif
}
fn seenBy(i: u32, length: u32) -> u32 {
  return select(0u, select(length, i + 1u, params.causal != 0u), i < length);
}
#if ${dropout}
${philox}
fn kept4(row: u32, j: u32) -> vec4<f32> {
  let words = philox(vec4<u32>((row * params.words + j) >> 2u, cursor[0], params.stream, 0u), params.seed);
  return select(vec4<f32>(), vec4<f32>(params.keep), words >= vec4<u32>(params.threshold));
}
fn kept(row: u32, j: u32) -> f32 { return kept4(row, j)[j & 3u]; }
#endif
`;
}

/** How much of what was added up remains when the running maximum grows from m to top: exactly all where it does not. */
export const remains = (m: string, top: string): string => `select(1.0, exp(max(${m} - ${top}, -87.0)), ${top} > ${m})`;

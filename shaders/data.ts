import { flatMain, read, storage, write } from "./common.ts";
import { paramBlock } from "./params.ts";
import { permutation, philox } from "./random.ts";
import { wgsl } from "./wgsl.ts";

export type BatchOrder = "shuffle" | "sequential" | "chunk";

export const batchIndexParams = paramBlock({ size: "u32", n: "u32", seed: "u32", stream: "u32", half: "u32" });

/**
 * index [batch]: the rows of this step. cursor = (step, epoch, position, skipped).
 * "chunk": rows were laid out by the host in the order of use, `n` of them at a time.
 */
export function batchIndex(order: BatchOrder): string {
  return wgsl`
${batchIndexParams.wgsl}
${storage(read("cursor", "u32"), write("index", "u32"))}
${philox}
${permutation}
${flatMain(wgsl`
#if ${order === "chunk"}
  let steps = params.n / params.size;
  index[i] = (cursor[0] % steps) * params.size + i;
#else
  let at = cursor[2] + i;
  let epoch = cursor[1] + at / params.n;
  let position = at % params.n;
#if ${order === "shuffle"}
  index[i] = permute(params.seed, params.stream, epoch, position, params.n, params.half);
#else
  index[i] = position;
#endif
#endif
`)}
`;
}

export const gatherParams = paramBlock({ size: "u32", width: "u32" });

/** y [batch, width] = rows of data; one invocation an element. */
export function gather(type: "f32" | "i32"): string {
  return wgsl`
${gatherParams.wgsl}
${storage(read("data", type), read("index", "u32"), write("y", type))}
${flatMain("  y[i] = data[index[i / params.width] * params.width + i % params.width];")}
`;
}

export const dropoutParams = paramBlock({ size: "u32", seed: "u32", stream: "u32", threshold: "u32", scale: "f32" });

/** y = x / (1 - p) where the element's random word is at least p 2^32, else 0. The same mask in both directions. */
export function dropout(): string {
  return wgsl`
${dropoutParams.wgsl}
${storage(read("x"), read("cursor", "u32"), write("y"))}
${philox}
${flatMain(wgsl`
  let word = randomWord(params.seed, params.stream, cursor[0], i);
  y[i] = select(0.0, x[i] * params.scale, word >= params.threshold);
`)}
`;
}

import { type Element, eachLane, element, flatMain, flatType, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { permutation, philox } from "../random.ts";
import { wgsl } from "../wgsl.ts";

export type BatchOrder = "shuffle" | "sequential" | "chunk";

export const batchIndexParams = paramBlock({ size: "u32", n: "u32", seed: "u32", stream: "u32", half: "u32" });

/**
 * `row`: the row of the data set that is the batch's i-th. cursor = (step, epoch, position, skipped).
 * "chunk": rows were laid out by the host in the order of use, `n` of them at a time.
 */
export function rowOfBatch(order: BatchOrder, i: string, cursor: Element): string {
  if (order === "chunk") return `let row = (${cursor(0)} % (params.n / params.size)) * params.size + ${i};`;
  const at = `let at = ${cursor(2)} + ${i};`;
  if (order === "sequential") return `${at} let row = at % params.n;`;
  return `${at}
  let row = permute(params.seed, params.stream, ${cursor(1)} + at / params.n, at % params.n, params.n, params.half);`;
}
const rowOf = (order: BatchOrder): string => wgsl`
${philox}
${permutation}
fn rowOf(i: u32) -> u32 {
  ${rowOfBatch(order, "i", element("cursor"))}
  return row;
}
`;

/** index [batch]: the rows of this step. */
export function batchIndex(order: BatchOrder): string {
  return wgsl`
${batchIndexParams.wgsl}
${storage(read("cursor", "u32"), write("index", "u32"))}
${rowOf(order)}
${flatMain("  index[i] = rowOf(i);")}
`;
}

export const drawBatchParams = paramBlock({
  size: "u32",
  n: "u32",
  seed: "u32",
  stream: "u32",
  half: "u32",
  widthX: "u32",
  widthY: "u32",
});

/** Invocations that copy one row together. */
export const COPY_WORKGROUP = 64;

/** Words move as they are, whatever they stand for; four at a time where rows have whole fours, which widths then count. */
const wordType = (four: boolean) => (four ? ("vec4<u32>" as const) : ("u32" as const));

/** Index, x and y of a batch in one kernel: a workgroup a row, or an invocation where rows are short. */
export function drawBatch(order: BatchOrder, fourX: boolean, fourY: boolean, alone: boolean): string {
  const [typeX, typeY] = [wordType(fourX), wordType(fourY)];
  const copy = (array: string, width: string) =>
    `for (var j = ${alone ? "0u" : "local"}; j < ${width}; j += ${alone ? 1 : COPY_WORKGROUP}u) {
    ${array}[i * ${width} + j] = data_${array}[row * ${width} + j];
  }`;
  const copies = [copy("x", "params.widthX"), copy("y", "params.widthY")].join("\n  ");
  return wgsl`
${drawBatchParams.wgsl}
${storage(read("cursor", "u32"), read("data_x", typeX), read("data_y", typeY), write("index", "u32"), write("x", typeX), write("y", typeY))}
${rowOf(order)}
#if ${alone}
${flatMain(`  let row = rowOf(i);\n  index[i] = row;\n  ${copies}`)}
#else
var<workgroup> shared_row: u32;
@compute @workgroup_size(${COPY_WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = group.y * groups.x + group.x;
  if (i >= params.size) { return; }
  if (local == 0u) { shared_row = rowOf(i); index[i] = shared_row; }
  workgroupBarrier();
  let row = shared_row;
  ${copies}
}
#endif
`;
}

export const gatherParams = paramBlock({ size: "u32", width: "u32" });

/** y [batch, width] = rows of data; one invocation an element, or four. */
export function gather(four: boolean): string {
  const type = wordType(four);
  return wgsl`
${gatherParams.wgsl}
${storage(read("data", type), read("index", "u32"), write("y", type))}
${flatMain("  y[i] = data[index[i / params.width] * params.width + i % params.width];")}
`;
}

export const dropoutParams = paramBlock({ size: "u32", seed: "u32", stream: "u32", threshold: "u32", scale: "f32" });

/** An element after dropout: its random word decides. */
export const dropped = (x: string, i: string, cursor: Element): string =>
  `select(0.0, ${x} * params.scale, randomWord(params.seed, params.stream, ${cursor(0)}, ${i}) >= params.threshold)`;

/**
 * y = x / (1 - p) where the element's random word is at least p 2^32, else 0. The same mask in both directions. An element an
 * invocation, or `four` (params.size counts those).
 */
export function dropout(four: boolean): string {
  const type = flatType(four);
  // Neighbours of four are one draw of four words.
  const body = four
    ? `  let words = philox(vec4<u32>(i, cursor[0], params.stream, 0u), params.seed);
  let v = x[i] * params.scale;
  y[i] = ${eachLane(true, (lane) => `select(0.0, v${lane}, words${lane} >= params.threshold)`)};`
    : `  y[i] = ${dropped("x[i]", "i", element("cursor"))};`;
  return wgsl`
${dropoutParams.wgsl}
${storage(read("x", type), read("cursor", "u32"), write("y", type))}
${philox}
${flatMain(body)}
`;
}

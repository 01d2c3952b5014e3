import { type Element, eachLane, element, flatType, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { philox } from "../random.ts";
import { wgsl } from "../wgsl.ts";

/** Images of a batch; how far they move, what is cut out of them, and which flips may be (1 across, 2 up and down). */
export const augmentParams = paramBlock({
  rows: "u32",
  channels: "u32",
  height: "u32",
  width: "u32",
  padding: "u32",
  shift: "u32",
  cutout: "u32",
  flips: "u32",
  seed: "u32",
  stream: "u32",
});

/** What `drawsOf` needs at module scope beside philox. */
export const drawing = wgsl`
fn within(word: u32, reach: u32) -> i32 { return i32(mulhi(word, 2u * reach + 1u)) - i32(reach); }
`;

/** What is drawn for row `i` of a batch, from eight random words of (seed, step, row). */
export const drawsOf = (i: string, cursor: Element): string => `
  let a = philox(vec4<u32>(2u * ${i}, ${cursor(0)}, params.stream, 0u), params.seed);
  let b = philox(vec4<u32>(2u * ${i} + 1u, ${cursor(0)}, params.stream, 0u), params.seed);
  let cropY = within(a.x, params.padding);
  let cropX = within(a.y, params.padding);
  let shiftY = within(a.z, params.shift);
  let shiftX = within(a.w, params.shift);
  let flips = b.x & params.flips;
  let top = i32(mulhi(b.y, params.height)) - i32(params.cutout / 2u);
  let left = i32(mulhi(b.z, params.width)) - i32(params.cutout / 2u);
`;

/**
 * Where element `j` of an image comes from, or the `four` neighbours of a row from there on: cropped out of the image and its
 * padding, then moved, then flipped; `place` is its place in the row, and `shown` is false where it is padding or cut out. No
 * && and no branch: each would cost the compiler much where all is written out.
 */
export function sourceOf(j: string, four = false): string {
  const x = (n: string): string => (four ? `vec4<i32>(${n})` : n);
  const row = (b: string): string => (four ? `vec4<bool>(${b})` : b);
  return `
  let h = i32(params.height);
  let w = i32(params.width);
  let y = i32(${j}) / w % h;
  let x = i32(${j}) % w${four ? " + vec4<i32>(0, 1, 2, 3)" : ""};
  let movedY = select(y, h - 1 - y, (flips & 2u) != 0u) - shiftY;
  let movedX = select(x, w - 1 - x, (flips & 1u) != 0u) - shiftX;
  let fromY = movedY + cropY;
  let fromX = movedX + cropX;
  let side = i32(params.cutout);
  let stays = ${row("(movedY >= 0) & (movedY < h)")} & (movedX >= ${x("0")}) & (movedX < ${x("w")});
  let held = ${row("(fromY >= 0) & (fromY < h)")} & (fromX >= ${x("0")}) & (fromX < ${x("w")});
  let cut = ${row("(y >= top) & (y < top + side)")} & (x >= ${x("left")}) & (x < ${x("left + side")});
  let shown = stays & held & !cut;
  let place = select(${four ? "vec4<u32>()" : "0u"}, ${four ? "vec4<u32>" : "u32"}((i32(${j}) / (h * w) * h + fromY) * w + fromX), shown);
`;
}

/** Invocations that take one row together. */
export const AUGMENT_WORKGROUP = 64;

/**
 * y [batch, values]: rows of data [n, values] named by index, each changed as is drawn for it. Elements are taken one by one,
 * or `four` neighbours of a row of pixels at once, which lie anywhere in the data.
 */
export function augment(four: boolean): string {
  const unit = four ? 4 : 1;
  return wgsl`
${augmentParams.wgsl}
${storage(read("data"), read("index", "u32"), read("cursor", "u32"), write("result", flatType(four)))}
${philox}
${drawing}
@compute @workgroup_size(${AUGMENT_WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = group.y * groups.x + group.x;
  if (i >= params.rows) { return; }
  ${drawsOf("i", element("cursor"))}
  let size = params.channels * params.height * params.width / ${unit}u;
  let start = index[i] * size * ${unit}u;
  for (var j = local; j < size; j += ${AUGMENT_WORKGROUP}u) {
    ${sourceOf(four ? "(4u * j)" : "j", four)}
    result[i * size + j] = select(${flatType(four)}(), ${eachLane(four, (k) => `data[start + place${k}]`)}, shown);
  }
}
`;
}

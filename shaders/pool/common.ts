import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";

/** Sizes of a pooling, as ops/pool/geometry.ts has them: `size` invocations; places of x; windows; and how they lie. */
export const poolParams = paramBlock({
  size: "u32",
  rows: "u32",
  columns: "u32",
  outRows: "u32",
  outColumns: "u32",
  kernelRows: "u32",
  kernelColumns: "u32",
  strideRows: "u32",
  strideColumns: "u32",
  paddingRows: "u32",
  paddingColumns: "u32",
  dilationRows: "u32",
  dilationColumns: "u32",
});

/** `plane`, `oy` and `ox` of window i. */
export const windowOfIndex = wgsl`
  let line = i / params.outColumns;
  let ox = i % params.outColumns;
  let plane = line / params.outRows;
  let oy = line % params.outRows;
`;

/** `plane`, `iy` and `ix` of place i of x. */
export const placeOfIndex = wgsl`
  let line = i / params.columns;
  let ix = i % params.columns;
  let plane = line / params.rows;
  let iy = line % params.rows;
`;

/** The windows [x, y) along one axis that reach a place; a window reaches over `reach` places. */
export const reaching = wgsl`
fn reaching(place: u32, padding: u32, reach: u32, stride: u32, out: u32) -> vec2<u32> {
  let t = place + padding;
  return vec2<u32>((max(t + 1u, reach) - reach + stride - 1u) / stride, min(t / stride + 1u, out));
}
`;

/** The places of x along one axis that belong to window o where no two overlap: to the next window, or to the edges. */
export const owned = wgsl`
fn owned(o: u32, padding: u32, stride: u32, out: u32, size: u32) -> vec2<u32> {
  let begin = max(o * stride, padding) - padding;
  let next = max((o + 1u) * stride, padding) - padding;
  return vec2<u32>(select(begin, 0u, o == 0u), select(min(next, size), size, o + 1u == out));
}
`;

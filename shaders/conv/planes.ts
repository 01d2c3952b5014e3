import { range, wgsl } from "../wgsl.ts";
import { type ConvEpilogue, finished, ofChannel } from "./common.ts";
import { lines, productHead, type Tile, tileMain } from "./product.ts";
import type { Strip } from "./strip.ts";

/** What is written out for it: as of strips, and the rows of the kernel. */
export interface PlaneStrip extends Strip {
  readonly kernelRows: number;
}

/**
 * As `convStrip`, for channels that each have a kernel of their own: an invocation keeps that in registers and takes a strip
 * of one plane, row after row of a band.
 */
export function convPlanes(epilogue: ConvEpilogue, strip: PlaneStrip): string {
  const { columns, taps, stride, kernelRows, invocations } = strip;
  const width = (columns - 1) * stride + taps;
  const kernel = range(kernelRows).flatMap((kr) => range(taps).map((t) => [kr, t] as const));
  const four = (kr: number, t: number, q: number): string =>
    `vec4<f32>(${range(4)
      .map((d) => `x${kr}_${(4 * q + d) * stride + t}`)
      .join(", ")})`;
  const sum = (q: number): string =>
    kernel.reduce((before, [kr, t]) => `fma(vec4<f32>(w${kr}_${t}), ${four(kr, t, q)}, ${before})`, "vec4<f32>()");
  const body = wgsl`
  let strips = (params.columns + ${columns - 1}u) / ${columns}u;
  let bands = (params.rows + params.bandRows - 1u) / params.bandRows;
  let bPlane = params.bRows * params.bColumns;
  let cPlane = params.rows * params.columns;
  let channels = params.cImage / cPlane;
  let planes = params.images * channels;
  let line = (tile * ${invocations}u + place) / strips;
  let column = (tile * ${invocations}u + place - line * strips) * ${columns}u;
  if (line >= planes * bands) { return; }
  let plane = line / bands;
  let band = (line - plane * bands) * params.bandRows;
  let channel = plane % channels;
  let aFirst = channel * params.aGroup + params.aTapFrom;
${kernel.map(([kr, t]) => `  let w${kr}_${t} = a[aFirst + ${kr * taps}u + ${t}u * params.aTapStep];`).join("\n")}
${ofChannel(epilogue, "channel", "channels")}
  let bFirst = params.bOffset + plane * bPlane;
  let cFirst = params.cOffset + plane * cPlane + column;
  let col = column * ${stride}u + params.tapFromColumns;
${lines(width, (v) => `  let col${v} = col + ${v}u < params.bColumns;`)}
  let left = params.columns - column;
  let end = min(band + params.bandRows, params.rows);
  for (var r = band; r < end; r++) {
${lines(
  kernelRows,
  (kr) => wgsl`
    let br${kr} = r * params.originRows + params.tapFromRows + params.tapStepRows * ${kr}u;
    let in${kr} = br${kr} < params.bRows;
    let bl${kr} = bFirst + br${kr} * params.bColumns + col;
${lines(width, (v) => `    let x${kr}_${v} = select(0.0, b[bl${kr} + ${v}u], in${kr} & col${v});`)}
`,
)}
${lines(columns / 4, (q) => `    let sum${q} = ${sum(q)};`)}
    let at = cFirst + r * params.columns;
${lines(
  columns,
  (j) =>
    `    if (${j}u < left) { c[at + ${j}u] = ${finished(epilogue, `sum${j >> 2}.${"xyzw"[j % 4]}`, `at + ${j}u`, "channel")}; }`,
)}
  }
`;
  return tileMain(productHead(epilogue), strip satisfies Tile, body);
}

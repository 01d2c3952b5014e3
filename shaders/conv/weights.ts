import { fromQuad, QUAD } from "../quads.ts";
import { range, wgsl } from "../wgsl.ts";
import { type Invocations, lines } from "./product.ts";
import { weightMain } from "./weight-sums.ts";

/**
 * The gradient of w as a product: rows are channels of y, columns the elements of their kernels, terms the places of y in all
 * images. Lines are rows of places, of all images; a slice of a divided sum takes so many of them.
 */
export interface WeightTile {
  /** Channels of an invocation. */
  readonly rows: 1 | 4 | 8;
  /** Rows of a kernel, or single elements where `taps` is 1. */
  readonly parts: number;
  /** Elements of a row of the kernel that read the same stretch of x: all of them, or 1 for any stride and dilation. */
  readonly taps: number;
  /** Places of x from one place of y to the next, where `taps` is above 1. */
  readonly stride: 1 | 2;
  /** Terms that are added in one expression; `cut` where a row of places is no multiple. */
  readonly step: number;
  readonly cut: boolean;
  /** As in Tile. */
  readonly shared: boolean;
  readonly invocations: Invocations;
}

/** Columns of an invocation, as vectors of up to four: a part's own, or four parts of one element each. */
function vectorsOf({ parts, taps }: WeightTile): readonly (readonly (readonly [part: number, tap: number])[])[] {
  if (taps === 1) return range(parts / 4).map((q) => range(4).map((d) => [4 * q + d, 0] as const));
  const each = Math.ceil(taps / Math.ceil(taps / 4));
  return range(parts).flatMap((p) =>
    range(Math.ceil(taps / each)).map((q) =>
      range(Math.min(each, taps - q * each)).map((d) => [p, q * each + d] as const),
    ),
  );
}

/**
 * Straight from memory, as `convGather`. With `sums` workgroups behind the last tile add up channels of dy, for a bias. Each
 * slice writes a result of its own, `sliceFirst` of them behind those of earlier launches.
 */
export function convWeights(tile: WeightTile, sums: boolean): string {
  const { rows, parts, taps, stride, step, cut, shared, invocations } = tile;
  const vectors = vectorsOf(tile);
  const mine = shared ? rows / QUAD : rows;
  const window = taps === 1 ? step : (step - 1) * stride + taps;
  const type = (v: readonly unknown[]): string => (v.length === 1 ? "f32" : `vec${v.length}<f32>`);
  const value = (i: number, u: number): string =>
    shared ? fromQuad[Math.floor(i / mine)]!(`y${i % mine}_${u}`) : `y${i}_${u}`;
  const xOf = (p: number, t: number, u: number): string => `x${p}_${taps === 1 ? u : u * stride + t}`;
  const adds = range(rows).flatMap((i) => [
    ...range(step).map((u) => `      let row${i}_${u} = ${value(i, u)};`),
    ...vectors.map((v, q) => {
      const four = (u: number): string => `${type(v)}(${v.map(([p, t]) => xOf(p, t, u)).join(", ")})`;
      const splat = (u: number): string => `${type(v)}(row${i}_${u})`;
      const sum = range(step).reduce((before, u) => `fma(${splat(u)}, ${four(u)}, ${before})`, `acc${i}_${q}`);
      return `      acc${i}_${q} = ${sum};`;
    }),
  ]);
  const lane = (v: readonly unknown[], d: number): string => (v.length === 1 ? "" : `.${"xyzw"[d]}`);
  const held = (i: number): string =>
    shared ? `(${Math.floor(i / mine)}u ^ inQuad) * ${mine}u + ${i % mine}u` : `${i}u`;
  const stores = range(rows).map(
    (i) => wgsl`
  let held${i} = ${held(i)};
  if (m + held${i} < params.outGroup) {
${vectors
  .flatMap((v, q) =>
    v.map(([p, t], d) => `    if (exists${p}) { dw[to${p} + held${i} * across + ${t}u] = acc${i}_${q}${lane(v, d)}; }`),
  )
  .join("\n")}
  }
`,
  );
  const body = wgsl`
#if ${shared}
  // Which rows a lane loads follows from its place in the quad, as swaps count it.
  let inQuad = inSubgroup % ${QUAD}u;
  let place = quadBroadcast(lane, 0u) + inQuad;
#else
  let place = lane;
#endif
  let xPlane = params.xRows * params.xColumns;
  let yPlane = params.yRows * params.yColumns;
  let taps = params.kernelRows * params.kernelColumns;
  let across = params.cGroup * taps;
  let partsN = across / ${taps}u;
#if ${rows === 1}
  // A channel a group: groups follow each other over the invocations.
  let each = (partsN + ${parts - 1}u) / ${parts}u;
  let here = tile * ${invocations}u + place;
  let part = min(here / each, params.c / params.cGroup - 1u);
  let n = (here - part * each) * ${parts}u;
  let m = 0u;
#else
  let part = group.z / params.slices;
  let n = (tile % params.tilesN * ${invocations}u + place) * ${parts}u;
  let m = tile / params.tilesN * ${rows}u;
#endif
#if ${shared}
  let mY = m + inQuad * ${mine}u;
#else
  let mY = m;
#endif
${lines(
  parts,
  (p) => wgsl`
  let exists${p} = n + ${p}u < partsN;
  let part${p} = min(n + ${p}u, partsN - 1u) * ${taps}u;
  let channel${p} = part${p} / taps;
  let kr${p} = part${p} % taps / params.kernelColumns;
  let kc${p} = part${p} % params.kernelColumns;
  let row${p} = kr${p} * params.dilationRows - params.beforeRows;
  let col${p} = kc${p} * params.dilationColumns - params.beforeColumns;
  let x${p} = params.xOffset + (part * params.cGroup + channel${p}) * xPlane;
`,
)}
${lines(mine, (i) => `  let y${i} = params.yOffset + (part * params.outGroup + min(mY + ${i}u, params.outGroup - 1u)) * yPlane;`)}
${range(rows)
  .flatMap((i) => vectors.map((v, q) => `  var acc${i}_${q} = ${type(v)}();`))
  .join("\n")}
  for (var line = slice * params.sliceLines; line < lineEnd; line++) {
    let image = line / params.yRows;
    let yr = line - image * params.yRows;
    let xImage = image * params.c * xPlane;
    let yLine = image * params.out * yPlane + yr * params.yColumns;
${lines(
  parts,
  (p) => wgsl`
    let xr${p} = yr * params.strideRows + row${p};
    let in${p} = xr${p} < params.xRows;
    let line${p} = x${p} + xImage + xr${p} * params.xColumns + col${p};
`,
)}
    for (var yc = 0u; yc < params.yColumns; yc += ${step}u) {
${range(mine)
  .flatMap((i) =>
    range(step).map((u) => {
      const load = `dy[y${i} + yLine + yc + ${u}u]`;
      return `      let y${i}_${u} = ${cut && u > 0 ? `select(0.0, ${load}, yc + ${u}u < params.yColumns)` : load};`;
    }),
  )
  .join("\n")}
${loadsX(tile, window)}
${adds.join("\n")}
    }
  }
  let first = (params.sliceFirst + slice) * params.out * across + (part * params.outGroup + m) * across;
${lines(parts, (p) => `  let to${p} = first + part${p};`)}
${stores.join("")}
`;
  return weightMain({ sums, shared, invocations }, body);
}

/** What of x a turn needs, each once; 0 in the padding. */
function loadsX({ parts, taps, stride, step }: WeightTile, window: number): string {
  if (taps === 1) {
    const at = (u: number): string => `(yc + ${u}u) * params.strideColumns`;
    return [
      ...range(step).map((u) => `      let at${u} = ${at(u)};`),
      ...range(parts).flatMap((p) =>
        range(step).map(
          (u) =>
            `      let x${p}_${u} = select(0.0, x[line${p} + at${u}], in${p} & (at${u} + col${p} < params.xColumns));`,
        ),
      ),
    ].join("\n");
  }
  return [
    `      let at = yc * ${stride}u;`,
    ...range(window).map((v) => `      let inside${v} = at + col0 + ${v}u < params.xColumns;`),
    ...range(parts).flatMap((p) =>
      range(window).map((v) => `      let x${p}_${v} = select(0.0, x[line${p} + at + ${v}u], in${p} & inside${v});`),
    ),
  ].join("\n");
}

import { gatherStrided, stridedParams } from "../../../shaders/shape/strided.ts";
import type { NdArray } from "../../core/ndarray.ts";
import { type ChipValue, type ChipWriter, type Index, index } from "../../graph/chip.ts";
import type { DeviceCaps, KernelPlan, WasmPlan } from "../../graph/op.ts";
import { input, output } from "../shared/dispatch-plan.ts";
import { call, partsOf } from "../shared/wasm-plan.ts";
import type { Axis } from "./axes.ts";
import { type Rows, rowPlan, type Stretch } from "./chunks.ts";

/** A walk through an array: what permute, part and concat are made of. */
export interface Walk {
  readonly start: number;
  /** As `mergedAxes` gives them. */
  readonly axes: readonly Axis[];
}

const sizeOf = ({ axes }: Walk): number => axes.reduce((size, a) => size * a.size, 1);

/** Where element i of a walk lies. */
export function placeInWalk({ start, axes }: Walk, i: number): number {
  let at = start;
  let rest = i;
  for (let k = axes.length - 1; k >= 0; k--) {
    at += (rest % axes[k]!.size) * axes[k]!.stride;
    rest = Math.floor(rest / axes[k]!.size);
  }
  return at;
}

/** The elements of x in the order of a walk, into y. */
export function gatherWalk(x: NdArray, walk: Walk, y: NdArray): void {
  for (let i = 0; i < y.data.length; i++) y.data[i] = x.data[placeInWalk(walk, i)]!;
}

/** Elements that move at once: four where a walk goes by whole fours, in rows of whole fours. */
function unitOf({ start, axes }: Walk, { x, y }: Rows): 1 | 4 {
  const inner = axes.at(-1)!;
  const others = axes.slice(0, -1).map(({ stride }) => stride);
  return inner.stride === 1 && [start, inner.size, x, y, ...others].every((n) => n % 4 === 0) ? 4 : 1;
}

/** Launches that move the first elements of a walk, or as many to its places: `code` of so many axes, and of fours or not. */
export function walkPlan(
  op: { readonly name: string },
  code: (axes: number, four: boolean) => string,
  walk: Walk,
  rows: Rows,
  caps: DeviceCaps,
  launch: (s: Stretch) => { readonly size: number; readonly start: number; readonly other: number },
  bindings?: Parameters<typeof rowPlan>[5],
): KernelPlan {
  const unit = unitOf(walk, rows);
  const { axes } = walk;
  const ofAxes = axes.flatMap(({ size, stride }, k) => [
    [`d${k}`, k === axes.length - 1 ? size / unit : size],
    [`s${k}`, k === axes.length - 1 && unit > 1 ? 1 : stride / unit],
  ]);
  const params = (s: Stretch) => {
    const { size: elements, start, other } = launch(s);
    const size = elements / unit;
    const values = { size, start: (walk.start + start) / unit, other: other / unit, ...Object.fromEntries(ofAxes) };
    return { params: stridedParams(axes.length).pack(values), size };
  };
  return rowPlan(op, rows, caps, code(axes.length, unit === 4), params, bindings);
}

/** Output 0 from input 0 by a walk through it, whose outermost axis is that of rows. */
export function gatherPlan(op: { readonly name: string }, walk: Walk, rows: Rows, caps: DeviceCaps): KernelPlan {
  return walkPlan(op, gatherStrided, walk, rows, caps, (s) => ({
    size: s.rows * rows.y,
    start: s.from,
    other: s.to,
  }));
}

export function gatherCall(walk: Walk): WasmPlan {
  const numbers = [sizeOf(walk), walk.start, walk.axes.length, ...walk.axes.flatMap((a) => [a.size, a.stride])];
  return call("strided", [input(0), output(0), ...numbers], partsOf(sizeOf(walk)));
}

/** Coordinates of element i in an array of these sizes, outermost first. */
export function coordinates(w: ChipWriter, i: Index, sizes: readonly number[]): Index[] {
  const found: Index[] = [];
  let rest = i;
  for (const size of sizes.slice(1).reverse()) {
    found.unshift(w.name(index.rest(rest, size)));
    rest = w.name(index.over(rest, size));
  }
  return [rest, ...found];
}

/** Where element i of a walk lies, in the kernel for whole steps. */
export function placeOnChip(w: ChipWriter, { start, axes }: Walk, i: Index): Index {
  const at = coordinates(
    w,
    i,
    axes.map((a) => a.size),
  );
  return at.reduce((sum, c, k) => index.plus(sum, index.times(c, axes[k]!.stride)), start);
}

export function gatherOnChip(w: ChipWriter, x: ChipValue, y: ChipValue, walk: Walk): void {
  w.eachOf(y, (i) => w.add(`${y.at(i)} = ${x.at(placeOnChip(w, walk, i))};`));
}

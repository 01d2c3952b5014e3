import { gatherStrided, stridedParams } from "../../../shaders/shape/strided.ts";
import type { NdArray } from "../../core/ndarray.ts";
import { type ChipValue, type ChipWriter, type Index, index } from "../../graph/chip.ts";
import type { DeviceCaps, KernelPlan, WasmPlan } from "../../graph/op.ts";
import { input, output } from "../shared/dispatch-plan.ts";
import { call, partsOf } from "../shared/wasm-plan.ts";
import type { Axis } from "./axes.ts";
import { type Rows, rowPlan } from "./chunks.ts";

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

/** The first `size` elements of a walk as a kernel's parameters. */
export function walkParams(walk: Walk, size: number, start: number, other: number): ArrayBuffer {
  const ofAxes = walk.axes.flatMap(({ size, stride }, k) => [
    [`d${k}`, size],
    [`s${k}`, stride],
  ]);
  const values = { size, start, other, ...Object.fromEntries(ofAxes) };
  return stridedParams(walk.axes.length).pack(values);
}

/** Output 0 from input 0 by a walk through it, whose outermost axis is that of rows. */
export function gatherPlan(op: { readonly name: string }, walk: Walk, rows: Rows, caps: DeviceCaps): KernelPlan {
  return rowPlan(op, rows, caps, gatherStrided(walk.axes.length), (s) => ({
    params: walkParams(walk, s.rows * rows.y, walk.start + s.from, s.to),
    size: s.rows * rows.y,
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

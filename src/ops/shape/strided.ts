import {
  blockParams,
  gatherBlocks,
  gatherStrided,
  scatterStrided,
  stridedParams,
  type WalkForm,
} from "../../../shaders/shape/strided.ts";
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

/** What moves at once, of the walk's array and of the one that goes on straight, whose rows have so many elements. */
function formOf({ start, axes }: Walk, walked: number, straight: number): WalkForm {
  const inner = axes.at(-1)!;
  const others = axes.slice(0, -1).map(({ stride }) => stride);
  if (inner.size % 4 !== 0 || straight % 4 !== 0) return "single";
  return inner.stride === 1 && [start, walked, ...others].every((n) => n % 4 === 0) ? "fours" : "wide";
}

/** Launches that move elements by a walk through one of the two values, straight through the other. */
function walkPlan(
  op: { readonly name: string },
  walk: Walk,
  walked: "x" | "y",
  rows: Rows,
  caps: DeviceCaps,
  bindings?: Parameters<typeof rowPlan>[5],
): KernelPlan {
  const straight = rows[walked === "x" ? "y" : "x"];
  const possible = formOf(walk, rows[walked], straight);
  const { axes } = walk;
  const gathers = walked === "x";
  const form = possible === "wide" && !gathers ? "single" : possible;
  const code = gathers ? gatherStrided(axes.length, form) : scatterStrided(axes.length, form as "single" | "fours");
  const unit = form === "single" ? 1 : 4;
  /** Elements that a place in the walk's array counts. */
  const place = form === "fours" ? 4 : 1;
  const ofAxes = axes.flatMap(({ size, stride }, k) => {
    const last = k === axes.length - 1;
    return [
      [`d${k}`, last ? size / unit : size],
      [`s${k}`, (last ? stride * unit : stride) / place],
    ];
  });
  const params = (s: Stretch) => {
    const size = (s.rows * straight) / unit;
    const [start, other] = gathers ? [s.from, s.to] : [s.to, s.from];
    const values = { size, start: (walk.start + start) / place, other: other / unit, ...Object.fromEntries(ofAxes) };
    return { params: stridedParams(axes.length).pack(values), size };
  };
  return rowPlan(op, rows, caps, code, params, bindings);
}

/**
 * Output 0 from input 0 by a walk whose innermost axis goes by fours of steps, across neighbours that another has in fours
 * too; null for any other.
 */
function blockPlan(op: { readonly name: string }, walk: Walk, rows: Rows, caps: DeviceCaps): KernelPlan | null {
  const { start, axes } = walk;
  const last = axes.length - 1;
  const across = axes.findIndex(({ stride, size }, k) => k < last && stride === 1 && size % 4 === 0);
  const others = axes.filter((_, k) => k !== across).map(({ stride }) => stride);
  const fours = [axes[last]!.size, start, rows.x, rows.y, ...others].every((n) => n % 4 === 0);
  // Rows are launched by the outermost axis, whose steps must be single.
  if (across < 0 || !fours || (across === 0 && rows.count > 1)) return null;
  let dense = 1;
  const inY = axes.map(() => 0);
  for (let k = last; k >= 0; k--) {
    inY[k] = dense;
    dense *= axes[k]!.size;
  }
  const ofAxes = axes.flatMap(({ size, stride }, k) => {
    const steps = k === last || k === across ? 4 : 1;
    return [
      [`d${k}`, size / steps],
      [`s${k}`, (stride * steps) / 4],
      [`e${k}`, (inY[k]! * steps) / 4],
    ];
  });
  const fixed = { step: axes[last]!.stride / 4, row: inY[across]! / 4, ...Object.fromEntries(ofAxes) };
  return rowPlan(op, rows, caps, gatherBlocks(axes.length), (s) => {
    const size = (s.rows * rows.y) / 16;
    const values = { size, start: (start + s.from) / 4, other: s.to / 4, ...fixed };
    return { params: blockParams(axes.length).pack(values), size };
  });
}

/** Output 0 from input 0 by a walk through it, whose outermost axis is that of rows. */
export function gatherPlan(op: { readonly name: string }, walk: Walk, rows: Rows, caps: DeviceCaps): KernelPlan {
  return blockPlan(op, walk, rows, caps) ?? walkPlan(op, walk, "x", rows, caps);
}

/** Input `k`, row by row, to the places of a walk through output 0. */
export function scatterPlan(
  op: { readonly name: string },
  k: number,
  walk: Walk,
  rows: Rows,
  caps: DeviceCaps,
): KernelPlan {
  return walkPlan(op, walk, "y", rows, caps, (toX, toY) => [toX(input(k)), toY(output(0))]);
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

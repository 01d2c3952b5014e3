import { windowCount } from "../../core/window-count.ts";
import { spansOf, type Windows } from "../net/windows.ts";
import { axesOf } from "./arithmetic.ts";
import type { Known } from "./constants.ts";
import { cutsOf } from "./cuts.ts";
import { axisOf, BATCH, type Dim, type Dims } from "./dims.ts";
import type { OnnxNode } from "./graph.ts";
import { resizeScales } from "./resize.ts";
import { transposedWindowsOf, windowsOf } from "./windows.ts";

/** What is known where a node stands. */
export interface InferPlace extends Known {
  dims(name: string | undefined): Dims | undefined;
}

type Infer = (node: OnnxNode, of: readonly Dim[], place: InferPlace) => Dims;

const each = (places: readonly Dim[], work: (size: number, d: number) => number): readonly Dim[] =>
  places.map((size, d) => (typeof size === "number" ? work(size, d) : null));

const counted = (places: readonly Dim[], windows: Windows, ceil: boolean): readonly Dim[] => {
  const spans = spansOf(windows);
  return each(places, (size, d) => windowCount(size, spans[d]!, windows.stride[d]!, windows.pads[d]!, ceil));
};

const conv: Infer = (node, of, place) => {
  const weight = place.constant(node.inputs[1])?.dims;
  const windows = weight && windowsOf(node, of.slice(2), weight.slice(2));
  if (!windows || typeof windows === "string") return null;
  return [BATCH, weight[0]!, ...counted(of.slice(2), windows, false)];
};

const convTranspose: Infer = (node, of, place) => {
  const weight = place.constant(node.inputs[1])?.dims;
  const found = weight && transposedWindowsOf(node, of.slice(2), weight.slice(2));
  if (!found || typeof found === "string") return null;
  const { windows, added } = found;
  const spans = spansOf(windows);
  const group = node.attributes.get("group") ?? 1;
  const places = each(of.slice(2), (size, d) => {
    const [before, behind] = windows.pads[d]!;
    return (size - 1) * windows.stride[d]! + spans[d]! + added[d]! - before - behind;
  });
  return typeof group === "number" ? [BATCH, weight[1]! * group, ...places] : null;
};

const pool: Infer = (node, of) => {
  const windows = windowsOf(node, of.slice(2));
  if (typeof windows === "string") return null;
  return [...of.slice(0, 2), ...counted(of.slice(2), windows, node.attributes.get("ceil_mode") === 1)];
};

const transpose: Infer = (node, of) => {
  const perm = node.attributes.get("perm");
  const axes = Array.isArray(perm) ? (perm as readonly number[]) : of.map((_, i) => i).reverse();
  return axes.length === of.length ? axes.map((axis) => of[axis] ?? null) : null;
};

const concat: Infer = (node, of, place) => {
  const axis = node.attributes.get("axis");
  const at = typeof axis === "number" ? axisOf(axis, of.length) : null;
  const all = node.inputs.map((name) => place.dims(name) ?? place.constant(name)?.dims ?? null);
  if (!at || all.some((dims) => dims?.length !== of.length)) return null;
  const along = all.map((dims) => dims![at]!);
  const sum = along.every((d) => typeof d === "number") ? along.reduce((a, b) => a + b, 0) : null;
  return of.map((d, i) => (i === at ? sum : d));
};

const reduce: Infer = (node, of, place) => {
  const axes = axesOf(node, place)?.map((axis) => axisOf(axis, of.length));
  if (!axes || axes.includes(null)) return null;
  const keeps = (node.attributes.get("keepdims") ?? 1) !== 0;
  return keeps ? of.map((d, i) => (axes.includes(i) ? 1 : d)) : of.filter((_, i) => !axes.includes(i));
};

/** Numbers before and behind each axis of a value; null where they are not known. */
export function padsOf(node: OnnxNode, rank: number, place: Pick<Known, "numbers">): readonly number[] | null {
  const pads = node.attributes.get("pads") ?? place.numbers(node.inputs[1]);
  if (!Array.isArray(pads) || !pads.every((p) => typeof p === "number")) return null;
  const axes = place.numbers(node.inputs[3]) ?? Array.from({ length: rank }, (_, i) => i);
  if (pads.length !== 2 * axes.length) return null;
  const out = Array<number>(2 * rank).fill(0);
  for (const [i, axis] of axes.entries()) {
    const at = typeof axis === "number" ? axisOf(axis, rank) : null;
    if (at === null) return null;
    out[at] = pads[i]!;
    out[rank + at] = pads[axes.length + i]!;
  }
  return out;
}

/** The axes of what ops give that move windows over places, or move values. */
export const inferWindows: Readonly<Record<string, Infer>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool,
  AveragePool: pool,
  GlobalAveragePool: (_, of) => of.map((d, i) => (i < 2 ? d : 1)),
  GlobalMaxPool: (_, of) => of.map((d, i) => (i < 2 ? d : 1)),
  Transpose: transpose,
  Concat: concat,
  ReduceMean: reduce,
  ReduceMax: reduce,
  ReduceSum: reduce,
  Slice(node, of, place) {
    const cuts = cutsOf(node, of, place);
    if (!cuts) return null;
    return of.map((d, axis) => {
      const found = cuts.find((c) => c.axis === axis);
      return found ? Math.ceil((found.to - found.from) / found.step) : d;
    });
  },
  Expand(node, of, place) {
    const target = place.numbers(node.inputs[1]);
    if (!target) return null;
    const rank = Math.max(of.length, target.length);
    return Array.from({ length: rank }, (_, i): Dim => {
      const [d, t] = [of[i - rank + of.length] ?? 1, target[i - rank + target.length] ?? 1];
      return d === 1 && t !== -1 ? t : d;
    });
  },
  Pad(node, of, place) {
    const pads = padsOf(node, of.length, place);
    return pads && of.map((d, i) => (typeof d === "number" ? d + pads[i]! + pads[of.length + i]! : d));
  },
  Resize: (node, of, place) => scaled(of, resizeScales(node, of, place)),
  Upsample: (node, of, place) => scaled(of, resizeScales(node, of, place)),
};

const scaled = (of: readonly Dim[], scales: readonly number[] | null): Dims =>
  scales && of.map((d, i) => (typeof d === "number" ? Math.floor(d * scales[i]!) : d));

import type { Known } from "./constants.ts";
import { axisOf, type Dim } from "./dims.ts";
import type { OnnxNode } from "./graph.ts";

/** What a Slice takes of each axis that it names; null where that is not known. */
export interface Cut {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

/** Attributes before opset 10, then inputs. Axes that it keeps whole, as the batch, are none of them. */
export function cutsOf(node: OnnxNode, of: readonly Dim[], place: Pick<Known, "numbers">): readonly Cut[] | null {
  const list = (key: string, input: number): readonly Dim[] | null => {
    const value = node.attributes.get(key);
    return Array.isArray(value) ? (value as readonly number[]) : place.numbers(node.inputs[input]);
  };
  const [starts, ends] = [list("starts", 1), list("ends", 2)];
  const axes = list("axes", 3) ?? starts?.map((_, i) => i);
  const steps = list("steps", 4) ?? starts?.map(() => 1);
  if (!starts || !ends || !axes || !steps) return null;
  const out: Cut[] = [];
  for (const [i, given] of axes.entries()) {
    const axis = typeof given === "number" ? axisOf(given, of.length) : null;
    const [start, step] = [starts[i], steps[i]];
    if (axis === null || typeof start !== "number" || typeof step !== "number") return null;
    const size = of[axis]!;
    const end = ends[i]!;
    // The end of all numbers, of 64 bits, comes as NaN.
    const open = (typeof end === "number" && !(end < 2 ** 31 - 1)) || end === size;
    if (start === 0 && open && step === 1) continue;
    if (typeof size !== "number" || step < 1 || (!open && typeof end !== "number")) return null;
    const within = (v: number): number => Math.min(Math.max(v < 0 ? v + size : v, 0), size);
    const [from, to] = [within(start), open ? size : within(end as number)];
    if (to <= from) return null;
    out.push({ axis, from, to, step });
  }
  return out;
}

import type { Value, WiredNet } from "../net/wired-net.ts";
import { BATCH, dimsText } from "./dims.ts";
import type { GraphNode } from "./net-graph.ts";
import { refuse } from "./protobuf.ts";
import {
  type Axis,
  BATCH_ATOM,
  canonical,
  countOf,
  dimsOf,
  hasBatch,
  materialised,
  stretches,
  type View,
} from "./view.ts";
import type { Heads, Scores } from "./wired-attention.ts";

/** What each name of a graph stands for, as far as the walk has come. */
export class Values {
  readonly views = new Map<string, View>();
  /** Of values that are more than their view: multiplied by a number, or turned by angles. */
  readonly heads = new Map<string, Heads>();
  readonly scores = new Map<string, Scores>();
  /** What tells which weights are not numbers, as those of a step that sees nothing. */
  readonly notNumbers = new Set<string>();

  constructor(private readonly net: WiredNet) {}

  headsOf(name: string): Heads {
    return this.heads.get(name) ?? { view: this.views.get(name)!, factor: 1, turned: null };
  }

  setHeads(name: string, heads: Heads): void {
    this.views.set(name, heads.view);
    if (heads.factor !== 1 || heads.turned) this.heads.set(name, heads);
  }

  put(node: GraphNode, value: Value): void {
    this.views.set(node.outputs[0]!, canonical(value, this.net.shapeOf(value)));
  }

  rowsFirst({ axes }: View): boolean {
    return axes[0] !== undefined && countOf(axes[0]) === 1 && hasBatch(axes[0]) && !axes.slice(1).some(hasBatch);
  }

  isPlain(view: View): boolean {
    const { axes } = canonical(view.value, this.net.shapeOf(view.value));
    return view.offset === 0 && JSON.stringify(axes) === JSON.stringify(view.axes);
  }

  /** A value with its rows first, as a layer takes it. */
  whole(name: string, view: View, where: string): Value {
    if (!this.rowsFirst(view)) {
      refuse(`${where}: values of ${dimsText(dimsOf(view))}, whose rows do not stand first, which no layer takes`);
    }
    const value = this.isPlain(view) ? view.value : materialised(this.net, view, where);
    const heads = this.heads.get(name);
    if (heads?.turned) refuse(`${where}: uses what is turned by angles of its steps; here that is a part of attention`);
    if (!heads || heads.factor === 1) return value;
    return this.net.affine(value, { scale: Float64Array.of(heads.factor), shift: Float64Array.of(0) }, 0, where);
  }

  /** The same with the batch moved to the front, all other axes as they stand. */
  lifted(name: string, view: View, where: string): Value {
    const others = view.axes.flatMap((axis): readonly Axis[] => {
      if (!hasBatch(axis)) return [axis];
      return axis.length === 1 ? [] : [axis.filter(({ size }) => size !== BATCH)];
    });
    const between = view.axes.some(
      (axis) => hasBatch(axis) && axis.at(0)!.size !== BATCH && axis.at(-1)!.size !== BATCH,
    );
    if (between) refuse(`${where}: works on rows that lie in the midst of an axis`);
    return this.whole(name, { ...view, axes: [[BATCH_ATOM], ...others] }, where);
  }

  /** A value of `lifted` axes with its batch back where it stood. */
  asFramed(value: Value, frame: View): View {
    const made = stretches(this.net.shapeOf(value));
    let next = 0;
    const axes = frame.axes.map((axis): Axis => {
      if (!hasBatch(axis)) return made[next++]!;
      if (axis.length === 1) return axis;
      const own = made[next++]!;
      return axis[0]!.size === BATCH ? [BATCH_ATOM, ...own] : [...own, BATCH_ATOM];
    });
    return { value, offset: 0, axes };
  }
}

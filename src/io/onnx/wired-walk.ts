import { sizeOf } from "../../core/ndarray.ts";
import type { Value, WiredNet } from "../net/wired-net.ts";
import { brief } from "../safetensors/header.ts";
import { activationReaders } from "./activations.ts";
import { type Constant, fromNumbers, numbersOf, type Room, valuesOf, withDims } from "./constants.ts";
import { BATCH, dimsText } from "./dims.ts";
import { HINTS } from "./lower.ts";
import type { GraphNode, NetGraph } from "./net-graph.ts";
import { number } from "./place.ts";
import { refuse } from "./protobuf.ts";
import { ROTARY, turnedBy } from "./rotary.ts";
import {
  type Axis,
  BATCH_ATOM,
  canonical,
  countOf,
  dimsOf,
  hasBatch,
  materialised,
  regrouped,
  type View,
} from "./view.ts";
import { Attentions } from "./wired-attention.ts";
import { attentionNode, isAttention } from "./wired-attention-ops.ts";
import { concatWithConstants } from "./wired-constants.ts";
import { wiredReaders } from "./wired-layers.ts";
import { moves } from "./wired-moves.ts";
import type { WiredPlace } from "./wired-place.ts";
import { recurrence, recurrentOps } from "./wired-recurrent.ts";
import { products, scaled, scored } from "./wired-scores.ts";
import { Values } from "./wired-values.ts";

/** Ops that work along the last axis, or on each number by itself: where the batch stands is nothing to them. */
const ALONG_LAST: ReadonlySet<string> = new Set([
  ...["MatMul", "Gemm", "LayerNormalization", "RMSNormalization", "Softmax", "LogSoftmax", "Dropout", "Neg"],
  ...["Add", "Sub", "Mul", "Div", "Sum", ...Object.keys(activationReaders)],
]);
const UNKNOWN =
  ": no layer here computes it; export the part of the net before it, or write it with ops that are layers";

/**
 * Goes through a graph's nodes. Values are views (view.ts) as long as nodes only move them, so that queries, keys and values
 * can be followed to the projections that they come from, and rows need not stand first in between.
 */
export class Walk {
  private readonly values: Values;
  private readonly attentions: Attentions;
  private readonly used: ReadonlySet<string>;
  private readonly batchSize: number | null;

  constructor(
    private readonly graph: NetGraph,
    private readonly net: WiredNet,
    private readonly room: Room,
    input: Value,
  ) {
    this.values = new Values(net);
    this.values.views.set(graph.input, canonical(input, net.shapeOf(input)));
    this.attentions = new Attentions(net);
    this.used = new Set([graph.output, ...graph.nodes.flatMap(({ inputs }) => inputs)]);
    this.batchSize = graph.batchSize;
  }

  /** The value that an output is, its rows first. */
  end(name: string): Value {
    const view = this.values.views.get(name) ?? refuse(`no layer gives the output ${brief(name)}`);
    this.attentions.finish();
    return this.values.whole(name, view, `the output ${brief(name)}`);
  }

  step(node: GraphNode): void {
    const { op, inputs } = node;
    const { graph, room, values, attentions, net } = this;
    const { views, scores, notNumbers } = values;
    const view = views.get(inputs[0] ?? "");
    const both = view !== undefined && views.has(inputs[1] ?? "");
    if (inputs.some((name) => scores.has(name) || notNumbers.has(name))) {
      scored(node, { graph, room, values, attentions });
    } else if (op === "Concat" && inputs.some((name) => graph.constants.has(name))) {
      const part = (name: string): Value | Constant => this.part(name, node);
      values.put(node, concatWithConstants(node, net, part));
    } else if (view && Object.hasOwn(moves, op)) this.moved(node, view);
    else if (view && (op === ROTARY || op.endsWith("RotaryEmbedding"))) this.turned(node, view);
    else if (isAttention(op)) this.attend(node);
    else if (both && (op === "MatMul" || op === "Einsum")) products(node, values);
    else if (view && recurrentOps.includes(op)) this.recurrent(node, view);
    else if (!scaled(node, values, graph)) this.read(node);
  }

  private moved(node: GraphNode, view: View): void {
    const { constants, dims, sizes } = this.graph;
    const picked = node.op === "Gather" ? constants.get(node.inputs[1] ?? "") : undefined;
    const numbers = (name: string | undefined) => sizes.get(name ?? "") ?? numbersOf(constants.get(name ?? ""));
    const next = dims.get(node.outputs[0]!) ?? null;
    const made = moves[node.op]!(node, { view, batchSize: this.batchSize, numbers, next });
    const axis = number(node, "axis", 0);
    made.forEach((given, i) => {
      const at = axis < 0 ? axis + given.axes.length : axis;
      const one = picked?.dims.length === 0 ? { ...given, axes: given.axes.toSpliced(at, 1) } : given;
      if (node.outputs[i])
        this.values.setHeads(node.outputs[i], { ...this.values.headsOf(node.inputs[0]!), view: one });
    });
  }

  private turned(node: GraphNode, view: View): void {
    const heads = this.values.headsOf(node.inputs[0]!);
    const count = number(node, "num_heads", 0);
    // [rows, steps, heads side by side]: they become axes, and are put together again.
    const apart = view.axes.length === 3 && count > 0;
    const axes = apart ? regrouped(view.axes, [...dimsOf(view).slice(0, 2), count, -1], this.batchSize) : view.axes;
    if (!axes || heads.turned) throw refuse(`${node.where}: turns what is no heads, or is turned already`);
    const turned = turnedBy(node, { ...view, axes }, this.net, this.graph.constants, this.room);
    this.values.setHeads(node.outputs[0]!, { ...heads, turned });
  }

  /** What a node joins: a value of the net, or a constant as each row has it. */
  private part(name: string, node: GraphNode): Value | Constant {
    const view = this.values.views.get(name);
    if (view) return this.values.whole(name, view, node.where);
    const constant =
      this.graph.constants.get(name) ?? refuse(`${node.where}: joins what is neither computed nor constant`);
    const [rows, ...row] = constant.dims;
    if (rows === 1) return withDims(constant, row);
    const values = valuesOf(constant, this.room, node.where);
    const size = sizeOf(row);
    if (rows !== this.batchSize || values.some((v, i) => v !== values[i % size])) {
      refuse(`${node.where}: joins values with a constant that differs from row to row`);
    }
    return fromNumbers(row, false, values.subarray(0, size));
  }

  private attend(node: GraphNode): void {
    const { constants } = this.graph;
    const made = attentionNode(node, {
      ...{ net: this.net, constants, room: this.room, batchSize: this.batchSize },
      heads: (name) => {
        if (!this.values.views.has(name)) refuse(`${node.where}: ${brief(name)} is nothing that the net computes`);
        return this.values.headsOf(name);
      },
      whole: (name) =>
        this.values.whole(name, this.values.views.get(name) ?? refuse(`${node.where}: has no input`), node.where),
    });
    const view = this.attentions.of(made.scores, made.values, node.where);
    const axes = made.joined(view.axes);
    this.values.views.set(node.outputs[0]!, { ...view, axes });
    for (const name of node.outputs.slice(1)) {
      if (this.used.has(name)) refuse(`${node.where}: more than its first output is used`);
    }
  }

  private recurrent(node: GraphNode, view: View): void {
    const { net } = this;
    const [steps, rows] = view.axes;
    if (view.axes.length !== 3 || countOf(rows!) !== 1 || !hasBatch(rows!) || hasBatch(steps!)) {
      refuse(`${node.where}: takes [steps, batch, values]: a Transpose with perm 1, 0, 2 must stand before it`);
    }
    const x = this.values.lifted(node.inputs[0]!, view, node.where);
    const value = recurrence(node, this.placeOf(node, node.inputs[0]!, x));
    const [t, width] = net.shapeOf(value) as readonly [number, number];
    const bidirectional = node.attributes.get("direction") === "bidirectional";
    const out = bidirectional ? width / 2 : width;
    const along = (size: number, stride: number): Axis => (size === 1 ? [] : [{ size, stride }]);
    const [directions, own] = [along(bidirectional ? 2 : 1, out), along(out, 1)];
    const y: View = { value, offset: 0, axes: [along(t, width), directions, [BATCH_ATOM], own] };
    this.values.views.set(node.outputs[0] || `${node.where}.0`, y);
    const [, state, cell] = node.outputs;
    if (cell && this.used.has(cell)) refuse(`${node.where}: the last cell is used; a layer here gives its steps alone`);
    if (!state || !this.used.has(state)) return;
    const end = (offset: number): Value => materialised(net, { value, offset, axes: [[BATCH_ATOM], own] }, node.where);
    const last = end((t - 1) * width);
    // The state behind all steps; of the other direction that is at the first.
    const both = bidirectional ? net.add({ type: "concat", from: [], axis: 0 }, [last, end(out)], node.where) : last;
    this.values.views.set(state, { value: both, offset: 0, axes: [directions, [BATCH_ATOM], own] });
  }

  /** A node that is a layer, or several. */
  private read(node: GraphNode): void {
    const reader = Object.hasOwn(wiredReaders, node.op) ? wiredReaders[node.op] : undefined;
    if (!reader) throw refuse(`${node.where} is not known here${HINTS.get(node.op) ?? UNKNOWN}`);
    const names = node.inputs.filter((name) => this.values.views.has(name));
    const first = names[0] ?? refuse(`${node.where} has no input that is computed`);
    const frame = this.values.views.get(first)!;
    if (names.every((name) => this.values.rowsFirst(this.values.views.get(name)!))) {
      const values = new Map(
        names.map((name) => [name, this.values.whole(name, this.values.views.get(name)!, node.where)]),
      );
      const place = this.placeOf(node, first, values.get(first)!, values);
      this.values.put(node, this.attentions.joined(reader(node, place)));
      return;
    }
    if (node.op === "Concat") {
      this.joined(node, frame);
      return;
    }
    const rank = frame.axes.length;
    const same = names.every((name) => dimsText(dimsOf(this.values.views.get(name)!)) === dimsText(dimsOf(frame)));
    const given = node.attributes.get("axis") ?? -1;
    if (!ALONG_LAST.has(node.op) || !same || hasBatch(frame.axes.at(-1)!) || (given !== -1 && given !== rank - 1)) {
      refuse(`${node.where}: works on values of ${dimsText(dimsOf(frame))}, whose rows do not stand first`);
    }
    const values = new Map(
      names.map((name) => [name, this.values.lifted(name, this.values.views.get(name)!, node.where)]),
    );
    const along = given === -1 ? node : { ...node, attributes: new Map(node.attributes).set("axis", -1) };
    const value = this.attentions.joined(reader(along, this.placeOf(node, first, values.get(first)!, values)));
    this.values.views.set(node.outputs[0]!, this.values.asFramed(value, frame));
  }

  /** Values joined along an axis, their rows standing anywhere else. */
  private joined(node: GraphNode, frame: View): void {
    const { axes } = frame;
    const at = axes.findIndex(hasBatch);
    const given = number(node, "axis", 0);
    const axis = given < 0 ? given + axes.length : given;
    const beside = ({ axes: own }: View): string => dimsText(dimsOf({ axes: own.toSpliced(axis, 1) }));
    const views = node.inputs.map(
      (name) => this.values.views.get(name) ?? refuse(`${node.where}: joins what is not computed`),
    );
    if (axes[at]!.length !== 1 || axis === at || views.some((view) => beside(view) !== beside(frame))) {
      refuse(`${node.where}: joins values of ${dimsText(dimsOf(frame))} along axis ${given}, which no layer does`);
    }
    const values = views.map((view, i) => this.values.lifted(node.inputs[i]!, view, node.where));
    const value = this.net.add({ type: "concat", from: [], axis: axis > at ? axis - 1 : axis }, values, node.where);
    this.values.views.set(node.outputs[0]!, this.values.asFramed(value, frame));
  }

  private placeOf(node: GraphNode, name: string, x: Value, values?: ReadonlyMap<string, Value>): WiredPlace {
    const { constants, dims, opset } = this.graph;
    return {
      ...{ constants, room: this.room, opset, value: name, wired: true, net: this.net, x },
      dims: [BATCH, ...this.net.shapeOf(x)],
      next: dims.get(node.outputs[0]!) ?? null,
      values: values ?? new Map([[name, x]]),
    };
  }
}

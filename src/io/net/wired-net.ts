// One class that works out every shape of a net as it is put together, long by its docstrings.
import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, ndarray, type Shape, sameShape, shapeText, sizeOf } from "../../core/ndarray.ts";
import { Fields } from "../../nn/layers/fields.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import { everyLayerType } from "../../nn/parse-model.ts";
import type { Affine } from "./affine.ts";

/** A value of a net while its file is read: -1 is the model's input, all others are what a step gives. */
export type Value = number;
export const INPUT: Value = -1;

/** A layer, without its wiring, with its parameters and statistics, f32, by their keys: "weight". */
export interface LayerNode {
  readonly kind: "layer";
  readonly layer: LayerSpec;
  readonly arrays: Readonly<Record<string, NdArray>>;
  readonly from: readonly Value[];
  /** Of one row of what it gives. */
  readonly shape: Shape;
  /** As its file calls it. */
  readonly where: string;
}

/** x scale + shift along an axis of a row: no layer by itself, it is to become part of one. */
export interface AffineNode extends Omit<LayerNode, "kind" | "layer" | "arrays"> {
  readonly kind: "affine";
  readonly affine: Affine;
  /** Axis of a row that its numbers belong to; of one number for all, any. */
  readonly axis: number;
}

export type WiredNode = LayerNode | AffineNode;

/** Values of a row beyond which no device's indices reach. */
const MOST_VALUES = 2 ** 30;

/** Affine steps that a permute goes before: one that scales and one that shifts, and some more. */
const MOST_PASSED = 4;

/**
 * Collects the layers of a net of any shape and wiring while its file is read. Shapes are worked out, and wrong ones
 * refused, as layers are added; what is added and not used in the end is left out.
 */
export class WiredNet {
  readonly nodes: WiredNode[] = [];
  readonly notes: string[] = [];
  private bytes = 0;

  /** `maxBytes` bounds what all parameters take together, since a file may name the same array many times. */
  constructor(
    readonly format: string,
    private readonly maxBytes: number,
    readonly input: Shape,
  ) {}

  note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text);
  }

  /** Shape of one row of a value. */
  shapeOf(value: Value): Shape {
    return value === INPUT ? this.input : this.nodes[value]!.shape;
  }

  /** Claims room for an array before it is made: `size` values f32. */
  claim(size: number, where: string): void {
    this.bytes += size * 4;
    if (this.bytes > this.maxBytes) {
      this.refuse(
        `${where}: the parameters so far take ${this.bytes} bytes, more than the ${this.maxBytes} that this file can hold: layers share arrays`,
      );
    }
  }

  /** Adds a layer that reads these values. `arrays` has its parameters and statistics by key. */
  add(layer: LayerSpec, from: readonly Value[], where: string, arrays: LayerNode["arrays"] = {}): Value {
    const type = everyLayerType(layer.type)!;
    const shapes = from.map((value) => this.shapeOf(value));
    const misfit = (wanted: string): never =>
      this.refuse(`${where} takes ${wanted}, but is given ${shapes.map(shapeText).join(" and ")}`);
    const shape = this.owned(() => {
      type.read(new Fields(layer as unknown as Record<string, unknown>, where));
      return type.shape(layer, shapes, misfit);
    });
    if (!shape.every((d) => Number.isSafeInteger(d) && d >= 1) || sizeOf(shape) > MOST_VALUES) {
      this.refuse(`${where} would give ${shapeText(shape)} a row`);
    }
    return this.push({ kind: "layer", layer, arrays, from, shape, where });
  }

  /** x scale + shift, number by number along `axis` of a row, or one for all. In f64. */
  affine(value: Value, affine: Affine, axis: number, where: string): Value {
    if (![...affine.scale, ...affine.shift].every(Number.isFinite)) {
      this.refuse(`${where}: it multiplies or adds numbers that are not finite`);
    }
    const shape = this.shapeOf(value);
    const width = Math.max(affine.scale.length, affine.shift.length);
    if (width !== 1 && width !== shape[axis]) {
      this.refuse(`${where}: made for ${width} values on axis ${axis + 1}, but is given ${shapeText(shape)}`);
    }
    return this.push({ kind: "affine", affine, axis, from: [value], shape, where });
  }

  /** The values of a row, in their order, in another shape. Several in a row become one. */
  reshape(value: Value, shape: Shape, where: string): Value {
    if (sameShape(this.shapeOf(value), shape)) return value;
    const before = this.layerAt(value);
    if (before && (before.layer.type === "reshape" || before.layer.type === "flatten")) {
      return this.reshape(before.from[0]!, shape, where);
    }
    return this.add(shape.length === 1 ? { type: "flatten" } : { type: "reshape", shape }, [value], where);
  }

  /** A row's axes in another order, as the layer permute has it. Several in a row become one, or none. */
  permute(value: Value, order: readonly number[], where: string, depth = 0): Value {
    if (order.every((axis, i) => axis === i)) return value;
    const before = this.layerAt(value);
    if (before?.layer.type === "permute") {
      const first = before.layer.order;
      return this.permute(
        before.from[0]!,
        order.map((axis) => first[axis]!),
        where,
      );
    }
    const node = this.nodes[value];
    if (node?.kind === "affine" && depth < MOST_PASSED) {
      // Behind the move it stands beside the layer that it can become part of.
      const moved = this.permute(node.from[0]!, order, where, depth + 1);
      return this.affine(moved, node.affine, order.indexOf(node.axis), node.where);
    }
    const shape = this.shapeOf(value);
    const large = order.filter((axis) => shape[axis] !== 1);
    // Where only axes of one change places, no value does.
    if (large.every((axis, i) => i === 0 || axis > large[i - 1]!)) {
      const moved = order.map((axis) => shape[axis]!);
      return this.reshape(value, moved, where);
    }
    return this.add({ type: "permute", order }, [value], where);
  }

  /** Numbers `from` to `to` along an axis, of a row that is seen as `shape`; the value is as `shape` then. */
  slice(value: Value, shape: Shape, axis: number, from: number, to: number, where: string): Value {
    const last = from === shape[0]! - 1 && to === shape[0];
    if (axis === 0 && last && shape.length === 2 && sameShape(this.shapeOf(value), shape)) {
      return this.reshape(this.add({ type: "lastStep" }, [value], where), [1, shape[1]!], where);
    }
    return this.extend(value, shape, axis, -from, to - shape[axis]!, where);
  }

  /** Zeros before and behind along an axis of a row that is seen as `shape`; below 0 so many are taken away. */
  extend(value: Value, shape: Shape, axis: number, before: number, behind: number, where: string): Value {
    const size = shape[axis]!;
    const [outer, inner] = [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis + 1))];
    const amounts = [[before, behind] as const, ...(inner === 1 ? [] : [[0, 0] as const])];
    const places = this.reshape(value, [outer, size, ...(inner === 1 ? [] : [inner])], where);
    const made =
      before === 0 && behind === 0 ? places : this.add({ type: "pad", amounts, mode: "zeros" }, [places], where);
    return this.reshape(
      made,
      shape.map((d, i) => (i === axis ? before + d + behind : d)),
      where,
    );
  }

  /** A number of its own added to each of a row, as a position embedding has them. Several in a row become one. */
  addTable(value: Value, table: NdArray, where: string): Value {
    const { shape } = table;
    const [length, size] = [sizeOf(shape.slice(0, -1)), shape.at(-1)!];
    const before = this.layerAt(value);
    if (before?.layer.type === "positionEmbedding" && before.layer.length === length && shape.length === 2) {
      const sum = table.data.map((v, i) => v + before.arrays.weight!.data[i]!);
      const weight = ndarray([length, size], "f32", sum);
      return this.add(before.layer, before.from, where, { weight });
    }
    const steps = this.reshape(value, [length, size], where);
    const weight = ndarray([length, size], "f32", table.data);
    return this.reshape(
      this.add({ type: "positionEmbedding", length, size }, [steps], where, { weight }),
      shape,
      where,
    );
  }

  /** A row, seen as `shape`, whose axis of one place becomes `count` of the same. */
  repeat(value: Value, shape: Shape, axis: number, count: number, where: string): Value {
    const [outer, inner] = [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis + 1))];
    const places = this.reshape(value, inner === 1 ? [outer, 1] : [outer, 1, inner], where);
    const scale = inner === 1 ? [count] : [count, 1];
    const many = this.add({ type: "upsample", scale, mode: "nearest" }, [places], where);
    return this.reshape(
      many,
      shape.map((d, i) => (i === axis ? count : d)),
      where,
    );
  }

  /** Sum or product of values of one shape, or of such as have one place where others have many. */
  combine(type: "add" | "multiply", values: readonly Value[], where: string): Value {
    const shapes = values.map((value) => this.shapeOf(value));
    const rank = Math.max(...shapes.map(({ length }) => length));
    const all = shapes.map((shape) => [...Array<number>(rank - shape.length).fill(1), ...shape]);
    const whole = all[0]!.map((_, axis) => Math.max(...all.map((shape) => shape[axis]!)));
    if (all.some((shape) => shape.some((d, axis) => d !== 1 && d !== whole[axis]))) {
      this.refuse(`${where} joins values of ${shapes.map(shapeText).join(" and ")}, which do not fit each other`);
    }
    const from = values.map((value, i) => this.spread(value, all[i]!, whole, where));
    return this.add({ type, from: [] } as LayerSpec, from, where);
  }

  /** A value whose axes of one are repeated to those of `whole`. */
  private spread(value: Value, shape: Shape, whole: Shape, where: string): Value {
    const places = shape.slice(1).every((d) => d === 1) && shape[0] === whole[0] && shape.length > 1;
    if (places && !sameShape(shape, whole) && shape.length <= 3) {
      // One number a channel, as squeeze-and-excite has it.
      return this.add({ type: "upsample", scale: whole.slice(1), mode: "nearest" }, [value], where);
    }
    let [spread, now] = [value, shape];
    whole.forEach((count, axis) => {
      if (now[axis] === count) return;
      spread = this.repeat(spread, now, axis, count, where);
      now = now.map((d, i) => (i === axis ? count : d));
    });
    return this.reshape(spread, whole, where);
  }

  /** The layer that gives a value; null for the input, and for what is to become part of a layer. */
  layerAt(value: Value): LayerNode | null {
    const node = this.nodes[value];
    return node?.kind === "layer" ? node : null;
  }

  refuse(message: string, options?: ErrorOptions): never {
    throw new ChainruleError("file", `${this.format}: ${message}`, options);
  }

  /** What a layer says of its fields, as an error of the file. */
  private owned<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      if (!(cause instanceof ChainruleError) || cause.code === "file") throw cause;
      return this.refuse(cause.message, { cause });
    }
  }

  private push(node: WiredNode): Value {
    this.nodes.push(node);
    return this.nodes.length - 1;
  }
}

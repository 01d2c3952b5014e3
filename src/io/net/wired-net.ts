import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, type Shape, sameShape, shapeText, sizeOf } from "../../core/ndarray.ts";
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

  /** Sum or product of values of one shape, or of such as have one place where others have many. */
  combine(type: "add" | "multiply", values: readonly Value[], where: string): Value {
    const shapes = values.map((value) => this.shapeOf(value));
    const rank = shapes[0]!.length;
    if (shapes.some((shape) => shape.length !== rank)) {
      this.refuse(`${where} joins values of ${shapes.map(shapeText).join(" and ")}; they must have one shape here`);
    }
    const whole = shapes[0]!.map((_, axis) => Math.max(...shapes.map((shape) => shape[axis]!)));
    const from = values.map((value, i) => this.spread(value, shapes[i]!, whole, where));
    return this.add({ type, from: [] } as LayerSpec, from, where);
  }

  /** A value of one place a channel, as squeeze-and-excite has it, repeated over all places. */
  private spread(value: Value, shape: Shape, whole: Shape, where: string): Value {
    if (sameShape(shape, whole)) return value;
    if (shape[0] !== whole[0] || shape.length < 2 || shape.slice(1).some((d) => d !== 1)) {
      this.refuse(
        `${where} spreads ${shapeText(shape)} over ${shapeText(whole)}; here only one number a channel, [${whole[0]}, 1, 1], is spread over places`,
      );
    }
    return this.add({ type: "upsample", scale: whole.slice(1), mode: "nearest" }, [value], where);
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

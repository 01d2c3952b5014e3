import { brief } from "../../core/format.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { listOf, refuse } from "./json.ts";

/** The shape of a row, without the batch; null for a dimension that the file leaves open. */
export type RowShape = readonly (number | null)[];

const MOST_RANK = 8;
const MOST_MOVES = 16;
/** Most values that are looked through to see whether moves of them cancel. */
const MOST_COMPARED = 2 ** 20;

/** A shape as files have it, [null, 28, 28], without its batch; null where it says nothing. */
export function rowShapeOf(value: unknown, where: string): RowShape | null {
  if (!Array.isArray(value) || value.length === 0) return null;
  return dimensionsOf(listOf(value, `${where}: its shape`, MOST_RANK).slice(1), where);
}

function dimensionsOf(values: readonly unknown[], where: string): RowShape {
  return values.map((d) =>
    d === null || (Number.isSafeInteger(d) && (d as number) >= 1)
      ? (d as number | null)
      : refuse(`${where}: its shape must be whole numbers from 1, got ${brief(values)}`),
  );
}

/**
 * How Keras's values of a row lie among the values here, which are one row after another, in the order in which the last
 * linear layer gave them. Moving values costs nothing here: the next linear layer's weights are moved instead.
 */
export class Layout {
  /** Null as long as the file does not tell. */
  shape: RowShape | null = null;
  /** Transpositions since then: what was axis `axes[k]` of `shape` is axis k. */
  private moves: { readonly shape: readonly number[]; readonly axes: readonly number[] }[] = [];
  private movedBy = "";

  /** How many values a row has; null where that is not known. */
  get size(): number | null {
    return this.shape === null || this.shape.includes(null) ? null : sizeOf(this.shape as readonly number[]);
  }

  /** A linear layer of so many outputs has made new values, of the last axis. */
  renew(outputs: number): void {
    this.shape = [...(this.shape ?? [outputs]).slice(0, -1), outputs];
    this.moves = [];
  }

  permute(axes: readonly number[], where: string): void {
    const shape = this.known(where);
    const moved = axes.filter((axis) => shape[axis] !== 1);
    if (moved.some((axis, k) => k > 0 && axis < moved[k - 1]!)) {
      if (this.moves.length >= MOST_MOVES) refuse(`${where}: more than ${MOST_MOVES} layers move values in a row`);
      this.moves.push({ shape, axes });
      this.movedBy = where;
    }
    this.shape = axes.map((axis) => shape[axis]!);
  }

  flatten(channelsFirst: boolean, where: string): void {
    if (channelsFirst && this.shape?.length !== 1) {
      const { length } = this.known(where);
      this.permute([...Array.from({ length: length - 1 }, (_, i) => i + 1), 0], where);
    }
    if (this.shape !== null) this.shape = [this.size];
  }

  /** To a shape in which one dimension may be -1. */
  reshape(target: readonly number[], where: string): void {
    const { size } = this;
    const given = sizeOf(target.filter((d) => d !== -1));
    const open = target.filter((d) => d === -1).length;
    const whole = target.every((d) => d === -1 || (Number.isSafeInteger(d) && d >= 1));
    const fits = size === null ? true : open === 1 ? size % given === 0 : size === given;
    if (!whole || open > 1 || target.length > MOST_RANK || !fits) {
      refuse(`${where}: reshapes ${this.text()} to ${brief(target)}`);
    }
    this.shape = target.map((d) => (d !== -1 ? d : size === null ? null : size / given));
  }

  /** Whether these axes, the batch's being 0, hold all values of a row; where nothing is known, whether they are the last. */
  covers(axes: readonly number[]): boolean {
    if (this.shape === null) return axes.every((axis) => axis === -1 || axis === 1);
    const rank = this.shape.length + 1;
    const held = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
    return !held.has(0) && this.shape.every((d, i) => d === 1 || held.has(i + 1));
  }

  /** Where each of Keras's `size` values lies here; null where all lie where they should. */
  order(size: number): Int32Array | null {
    if (this.moves.length === 0) return null;
    const out = Int32Array.from({ length: size }, (_, at) => this.moves.reduceRight(before, at));
    return out.every((from, at) => from === at) ? null : out;
  }

  /** At the net's end nothing is left that could be moved instead. */
  requireInOrder(): void {
    const { size } = this;
    if (this.moves.length === 0) return;
    if (size !== null && size <= MOST_COMPARED && this.order(size) === null) return;
    refuse(`${this.movedBy} moves values, and no layer with weights follows that could take that over`);
  }

  /** The place, in an array of the axes `kept` alone, that each of Keras's values belongs to. */
  places(kept: readonly number[], size: number): Int32Array {
    const shape = this.shape as readonly number[] | null;
    if (shape === null) return Int32Array.from({ length: size }, (_, i) => i);
    const strides = shape.map(() => 0);
    let stride = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (!kept.includes(axis)) continue;
      strides[axis] = stride;
      stride *= shape[axis]!;
    }
    return Int32Array.from({ length: size }, (_, at) => {
      let place = 0;
      for (let axis = shape.length - 1, rest = at; axis >= 0; axis--) {
        place += (rest % shape[axis]!) * strides[axis]!;
        rest = Math.floor(rest / shape[axis]!);
      }
      return place;
    });
  }

  text(): string {
    return this.shape === null
      ? "rows of a shape that is not known"
      : `[${this.shape.map((d) => d ?? "?").join(", ")}]`;
  }

  private known(where: string): readonly number[] {
    if (this.shape === null || this.shape.includes(null)) {
      refuse(`${where} moves values of ${this.text()}: the shape of the model's input is needed for that`);
    }
    return this.shape as readonly number[];
  }
}

/** Where value `at` of a transposed array lay before. */
function before(at: number, { shape, axes }: { shape: readonly number[]; axes: readonly number[] }): number {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  let place = 0;
  for (let k = axes.length - 1, rest = at; k >= 0; k--) {
    const length = shape[axes[k]!]!;
    place += (rest % length) * strides[axes[k]!]!;
    rest = Math.floor(rest / length);
  }
  return place;
}

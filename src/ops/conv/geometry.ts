import { ChainruleError } from "../../core/errors.ts";
import { sameShape, shapeText } from "../../core/ndarray.ts";
import { callText, type TensorSpec, wrongShapes } from "../../graph/graph.ts";

/** How a kernel is moved over places; one entry for each dimension of places: one for [n, c, t], two for [n, c, h, w]. */
export interface ConvAttrs {
  /** Places from one position of the kernel to the next, from 1 up. */
  readonly stride: readonly number[];
  /** Zeros that stand before the first place and behind the last, from 0 up. */
  readonly padding: readonly (readonly [before: number, after: number])[];
  /** Places from one element of the kernel to the next, from 1 up. */
  readonly dilation: readonly number[];
  /** Into so many parts channels are divided, each with kernels of its own; as many as channels is depthwise. */
  readonly groups: number;
}

/** One dimension of places. */
export interface Axis {
  /** Places of x and of y. */
  readonly x: number;
  readonly y: number;
  readonly kernel: number;
  readonly stride: number;
  readonly before: number;
  readonly dilation: number;
}

/** Sizes of a convolution. Places in one dimension are those of one row: each op has one form for both. */
export interface ConvDims {
  readonly n: number;
  /** Channels of x and of y, and those of each in a group. */
  readonly c: number;
  readonly out: number;
  readonly groups: number;
  readonly cGroup: number;
  readonly outGroup: number;
  readonly rows: Axis;
  readonly columns: Axis;
}

const ONE_PLACE: Axis = { x: 1, y: 1, kernel: 1, stride: 1, before: 0, dilation: 1 };

/** Places of y along one dimension: below 1 where the kernel is larger than the padded input. */
export function placesOf(
  size: number,
  kernel: number,
  { stride, padding, dilation }: ConvAttrs,
  dimension: number,
): number {
  const [before, after] = padding[dimension]!;
  return Math.floor((size + before + after - dilation[dimension]! * (kernel - 1) - 1) / stride[dimension]!) + 1;
}

type Named = { readonly name: string };

/** Throws ChainruleError "shape" unless there is a whole number of each kind for each dimension of places. */
function expectAttrs(op: Named, dimensions: number, { stride, padding, dilation, groups }: ConvAttrs): void {
  const whole = (values: readonly number[], least: number, what: string, text = `[${values.join(", ")}]`): void => {
    if (values.some((v) => !Number.isInteger(v) || v < least)) {
      throw new ChainruleError("shape", `${op.name}: ${what} must be whole numbers from ${least} up, got ${text}`);
    }
  };
  for (const [what, values] of Object.entries({ stride, padding, dilation })) {
    if (values.length !== dimensions) {
      const want = `${dimensions} value(s), one for each dimension of places`;
      throw new ChainruleError("shape", `${op.name}: ${what} must have ${want}, got ${values.length}`);
    }
  }
  whole(stride, 1, "stride");
  whole(padding.flat(), 0, "padding");
  whole(dilation, 1, "dilation");
  whole([groups], 1, "groups", `${groups}`);
}

/** The sizes, given those of x and w. Throws ChainruleError "shape" that says what does not fit, what came and what would. */
export function convDims(
  op: Named,
  inputs: readonly TensorSpec[],
  x: readonly number[],
  w: readonly number[],
  attrs: ConvAttrs,
): ConvDims {
  const dimensions = x.length - 2;
  if ((dimensions !== 1 && dimensions !== 2) || w.length !== x.length) {
    wrongShapes(op, inputs, "x [n, c, t] with a kernel of rank 3, or x [n, c, h, w] with one of rank 4");
  }
  expectAttrs(op, dimensions, attrs);
  const { groups } = attrs;
  const [n, c] = x as readonly [number, number];
  const [out, cGroup] = w as readonly [number, number];
  if (c % groups !== 0 || out % groups !== 0) {
    wrongShapes(op, inputs, `channels, ${c} in and ${out} out, that ${groups} groups divide`);
  }
  if (cGroup * groups !== c) {
    wrongShapes(op, inputs, `kernels of ${c / groups} channels (${c} in ${groups} group(s)), not of ${cGroup}`);
  }
  const axes = x.slice(2).map((size, d): Axis => {
    const kernel = w[d + 2]!;
    const y = placesOf(size, kernel, attrs, d);
    const [before, after] = attrs.padding[d]!;
    if (y < 1) {
      const reach = attrs.dilation[d]! * (kernel - 1) + 1;
      wrongShapes(
        op,
        inputs,
        `a kernel no larger than the padded input: it reaches over ${reach} of ${size + before + after}`,
      );
    }
    return { x: size, y, kernel, stride: attrs.stride[d]!, before, dilation: attrs.dilation[d]! };
  });
  const [rows, columns] = axes.length === 1 ? [ONE_PLACE, axes[0]!] : [axes[0]!, axes[1]!];
  return { n, c, out, groups, cGroup, outGroup: out / groups, rows, columns };
}

/** [n, out, places of y]. */
export function yShape({ n, out, rows, columns }: ConvDims, rank: number): readonly number[] {
  return rank === 3 ? [n, out, columns.y] : [n, out, rows.y, columns.y];
}

/** Throws ChainruleError "shape" unless dy is what the sizes give. */
export function expectGradient(op: Named, inputs: readonly TensorSpec[], dy: TensorSpec, dims: ConvDims): void {
  const want = yShape(dims, dy.shape.length);
  if (!sameShape(dy.shape, want)) {
    throw new ChainruleError(
      "shape",
      `${callText(op, inputs)}: dy is ${shapeText(dy.shape)}, expected ${shapeText(want)}`,
    );
  }
}

/** The part of an op's attributes that the other two share. */
export const convAttrsOf = ({ stride, padding, dilation, groups }: ConvAttrs): ConvAttrs => ({
  stride,
  padding,
  dilation,
  groups,
});

/** Places that a kernel of one element takes as they are, all in one row: it is cut into strips but once. */
export function flattened(dims: ConvDims): ConvDims {
  const { rows, columns } = dims;
  const plain = [rows, columns].every(({ x, y, kernel, stride }) => kernel === 1 && stride === 1 && x === y);
  const places = rows.x * columns.x;
  return plain ? { ...dims, rows: ONE_PLACE, columns: { ...ONE_PLACE, x: places, y: places } } : dims;
}

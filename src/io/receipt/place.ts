import type { Shape } from "../../core/ndarray.ts";
import { calledName, type ModelSpec } from "../../nn/model-spec.ts";
import { parameterSpecs } from "../../nn/parameter-specs.ts";
import { shapesOf } from "../../nn/shapes.ts";

/** A line of Python, and what it says to a reader. */
export type Line = readonly [code: string, comment: string];

/** Names of a net's values in a receipt: x, then a0, a1, ... behind each layer. */
export const valueName = (layer: number): string => (layer < 0 ? "x" : `a${layer}`);

/** How a layer stands in a receipt. */
export interface Place {
  readonly i: number;
  /** Values that it reads, and whether the derivative by each is needed. */
  readonly h: readonly string[];
  readonly onward: readonly boolean[];
  /** Its own value. */
  readonly a: string;
  /** The place of the layer of a name. */
  readonly placeOf: (name: string) => number;
  /** Shapes of a row of each value that it reads, and of its own. */
  readonly shapes: readonly Shape[];
  readonly shape: Shape;
  /** Whether rows have lengths, in the array of that name. */
  readonly lengths: boolean;
}

/** How a type of layer is computed in numpy. */
export interface NumpyLayer<S> {
  /** The value c.a from the values c.h. */
  forward(layer: S, c: Place): readonly Line[];
  /** The derivative of each value in front from that of its own; lines of a value that does not need one are left out. */
  backward(layer: S, c: Place): readonly Line[];
  /** The gradients of its own parameters. */
  products?(layer: S, c: Place): readonly Line[];
  /** Functions of Python that its lines call, by their names in helpers.ts. */
  readonly helpers?: readonly string[];
}

export function placesOf(model: ModelSpec, lengths: boolean): readonly Place[] {
  const { input, shapes, sources } = shapesOf(model);
  const needed = neededLayers(model);
  const names = model.layers.map(calledName);
  return sources.map((from, i) => ({
    i,
    h: from.map(valueName),
    onward: from.map((source) => source >= 0 && needed[source]!),
    a: valueName(i),
    placeOf: (name) => names.indexOf(name),
    shapes: from.map((source) => (source < 0 ? input : shapes[source]!)),
    shape: shapes[i]!,
    lengths,
  }));
}

/** Layers of which a parameter is trained, be it one that they share. */
export function trainedLayers(model: ModelSpec): ReadonlySet<number> {
  const own = new Set(parameterSpecs(model).flatMap(({ layer, frozen }) => (frozen ? [] : [layer])));
  const names = model.layers.map(calledName);
  const sharing = model.layers.flatMap((layer, i) =>
    layer.type === "tiedLinear" && own.has(names.indexOf(layer.to)) ? [i] : [],
  );
  return new Set([...own, ...sharing]);
}

/** Whether the derivative by each layer's value is needed: it trains parameters, or stands behind some that do. */
export function neededLayers(model: ModelSpec): readonly boolean[] {
  const own = trainedLayers(model);
  const needed: boolean[] = [];
  shapesOf(model).sources.forEach((from, i) => {
    needed.push(own.has(i) || from.some((source) => source >= 0 && needed[source]!));
  });
  return needed;
}

/** The derivative by the first value that a layer reads, where it is needed. */
export const back = ({ h, onward }: Place, code: string, comment: string): readonly Line[] =>
  onward[0] ? [[`d${h[0]} = ${code}`, comment]] : [];

/** A Python tuple. */
export const tuple = (values: readonly (number | string)[]): string =>
  values.length === 1 ? `(${values[0]},)` : `(${values.join(", ")})`;

/** The axes from one on, as numpy takes them. */
export const axes = (from: number, to: number): string =>
  to - from === 1 ? `${from}` : tuple(Array.from({ length: to - from }, (_, k) => from + k));

/** Behind a vector of channels, so that it meets channels first: "[:, None, None]". */
export const perChannel = (shape: Shape): string => (shape.length < 2 ? "" : `[:${", None".repeat(shape.length - 1)}]`);

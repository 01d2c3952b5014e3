import { sameShape, shapeText } from "../../core/ndarray.ts";
import { register } from "./known.ts";
import type { LayerType, Wiring } from "./layer-type.ts";

/** Two values or more become one. */
interface Combining extends Wiring {
  /** Names of the layers whose values it takes; "input" is the model's. */
  readonly from: readonly string[];
}

/** Their sum, element by element. */
export interface AddSpec extends Combining {
  /** Tells it from other layers. */
  readonly type: "add";
}

/** Their product, element by element. */
export interface MultiplySpec extends Combining {
  /** Tells it from other layers. */
  readonly type: "multiply";
}

/** One behind the other along an axis. */
export interface ConcatSpec extends Combining {
  /** Tells it from other layers. */
  readonly type: "concat";
  /** Of one row, counted from 0 without the batch: 0 is the channels. */
  readonly axis: number;
}

function elementwise<T extends "add" | "multiply">(type: T): LayerType<Combining & { readonly type: T }> {
  return {
    type,
    several: true,
    // "from" is read with every layer's wiring.
    read(f) {
      f.only();
      return {} as Combining;
    },
    shape(_layer, inputs, misfit) {
      if (inputs.some((shape) => !sameShape(shape, inputs[0]!))) misfit("values of one shape");
      return inputs[0]!;
    },
    onnx: (_layer, { inputs, output, between }) =>
      inputs.slice(1).map((x, i) => ({
        op: type === "add" ? "Add" : "Mul",
        inputs: [i === 0 ? inputs[0]! : between(`of${i + 1}`), x],
        output: i === inputs.length - 2 ? output : between(`of${i + 2}`),
      })),
    torchCall: (_layer, values) => values.join(type === "add" ? " + " : " * "),
    async forward({ g, name, layerOps }, _layer, inputs) {
      const op = (await layerOps())[type === "add" ? "residualAdd" : "multiply"];
      return inputs.reduce((sum, x, i) =>
        g.one(op, [sum, x], null, i === inputs.length - 1 ? name : `${name} of ${i + 1}`),
      );
    },
  };
}

export const addLayer: LayerType<AddSpec> = elementwise("add");
export const multiplyLayer: LayerType<MultiplySpec> = elementwise("multiply");

export const concatLayer: LayerType<ConcatSpec> = {
  type: "concat",
  several: true,
  read(f) {
    f.only("axis");
    return { axis: f.whole("axis", 0, 0) } as Omit<ConcatSpec, "type">;
  },
  shape({ axis }, inputs, misfit) {
    const [first] = inputs as [readonly number[]];
    if (axis >= first.length) misfit(`values of ${axis + 1} axes or more, its axis being ${axis}`);
    const beside = (shape: readonly number[]): string => shapeText(shape.filter((_, i) => i !== axis));
    if (inputs.some((shape) => beside(shape) !== beside(first))) misfit(`values that differ on axis ${axis} alone`);
    return first.map((d, i) => (i === axis ? inputs.reduce((sum, shape) => sum + shape[axis]!, 0) : d));
  },
  onnx: ({ axis }, { inputs, output }) => [{ op: "Concat", inputs, output, integers: { axis: axis + 1 } }],
  torchCall: ({ axis }, values) => `torch.cat([${values.join(", ")}], ${axis + 1})`,
  async forward({ g, name, layerOps }, { axis }, inputs) {
    const { concat } = await layerOps();
    return g.one(concat, inputs, { axis: axis + 1 }, name);
  },
};

/** The sum of values of one shape, by the names of the layers that give them; "input" is the model's. */
export function add(from: readonly string[]): AddSpec {
  register(addLayer);
  return { type: "add", from };
}

/** Their product, element by element. */
export function multiply(from: readonly string[]): MultiplySpec {
  register(multiplyLayer);
  return { type: "multiply", from };
}

/** Values one behind the other along an axis of a row, by default its first, the channels. */
export function concat(from: readonly string[], axis = 0): ConcatSpec {
  register(concatLayer);
  return { type: "concat", from, axis };
}

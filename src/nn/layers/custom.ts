import { ChainruleError } from "../../core/errors.ts";
import { type Shape, sameShape, shapeText } from "../../core/ndarray.ts";
import type { Graph, Tensor } from "../../graph/graph.ts";
import type { Activation } from "../../ops/elementwise/activation.ts";
import { register } from "./known.ts";
import { type LayerType, type ParameterRole, parameterRoles, type Wiring } from "./layer-type.ts";

/** A parameter of a layer of one's own. */
export interface CustomParameter {
  /** A weight's is [in, out]. */
  readonly shape: Shape;
  /** What it is for. */
  readonly role: ParameterRole;
  /** First value of every element; the role says it where this is absent. */
  readonly first?: number;
}

/** A layer that user code makes. It is code, so no model file holds one. */
export interface CustomLayer extends Pick<Wiring, "from" | "trainable"> {
  /** Tells it from layers that a model file may hold. */
  readonly type: "custom";
  /** What it is, for people and for messages. */
  readonly name: string;
  /** What other layers call it by in `from`, as `name` is of other layers; its index where absent. */
  readonly as?: string;
  /** Width, or shape of a row, that it takes; null: any. */
  readonly in: number | Shape | null;
  /** Width, or shape of a row, that it gives, or the rule for that; null: what it takes. */
  readonly out: number | Shape | ((...inputs: readonly Shape[]) => Shape) | null;
  /** By name. */
  readonly parameters: Readonly<Record<string, CustomParameter>>;
  /** Adds its nodes. */
  readonly build: BuildLayer;
}

/**
 * Adds the layer's nodes to the graph: from x [batch, ...in] and the parameters by name to y [batch, ...out]. It is asked
 * for batches of several sizes, and must depend on nothing but its arguments. `inputs` are all values that `from` names.
 */
export type BuildLayer = (
  g: Graph,
  x: Tensor,
  parameters: Readonly<Record<string, Tensor>>,
  context: { readonly training: boolean; readonly inputs: readonly Tensor[] },
) => Tensor;

/** What a layer of one's own is made of. */
export interface CustomLayerOptions {
  /** For people and for messages. */
  readonly name: string;
  /** Width, or shape of a row, that it takes, batch left out; any where absent. */
  readonly in?: number | Shape;
  /** Width, or shape of a row, that it gives, or a function of the shapes that it takes; what it takes where absent. */
  readonly out?: number | Shape | ((...inputs: readonly Shape[]) => Shape);
  /**
   * Parameters by name. They are trained, saved and restored as any, as "2.name" in the third layer. By default one of
   * two dimensions or more is a weight and drawn as the model's weights are ([..., out]), any other a bias, 0 at first;
   * `first` sets all elements to a number.
   */
  readonly parameters?: Readonly<
    Record<string, { readonly shape: Shape; readonly role?: ParameterRole; readonly first?: number }>
  >;
  /** Adds its nodes and gives y; anything but f32 [batch, ...out] throws ChainruleError "shape" when a graph is made. */
  readonly build: BuildLayer;
}

const bad = (name: string, message: string): never => {
  throw new ChainruleError("model", `layer "${name}": ${message}`);
};

/**
 * A layer for a model in code, trained on every backend: WebGPU runs the kernels of the ops that it is built of, the CPU
 * their kernels in WebAssembly, or their references where there are none.
 *
 *     const gate = customLayer({
 *       name: "gate",
 *       parameters: { scale: { shape: [16], role: "scale" } },
 *       build: (g, x, { scale }) => g.one(scaleColumns, [x, scale], null),
 *     });
 *     const model = parseModel({ layers: [{ type: "linear", in: 2, out: 16 }, gate, ...], loss: "mse" });
 *
 * Throws ChainruleError "model" for an option that cannot be meant.
 */
export function customLayer(options: CustomLayerOptions): CustomLayer {
  const { name, build, parameters = {} } = options;
  if (typeof name !== "string" || name === "") bad(String(name), "a custom layer needs a name");
  if (typeof build !== "function") bad(name, "build must be a function (g, x, parameters) => y");
  for (const key of ["in", "out"] as const) {
    const given = options[key];
    if (given === undefined || (key === "out" && typeof given === "function")) continue;
    const axes = Array.isArray(given) && given.length > 0 ? given : [given];
    if (!axes.every((d) => Number.isInteger(d) && d >= 1)) {
      bad(name, `"${key}" must be a whole number from 1 up, or a shape of such, got ${JSON.stringify(given)}`);
    }
  }
  const checked = Object.entries(parameters).map(([key, { shape, role, first }]): [string, CustomParameter] => {
    if (!/^\w+$/.test(key)) bad(name, `"${key}" is no name for a parameter; use letters, digits and _`);
    if (!Array.isArray(shape) || shape.length === 0 || !shape.every((d) => Number.isInteger(d) && d >= 1)) {
      bad(name, `the shape of ${key} must be a list of whole numbers from 1 up, got ${JSON.stringify(shape)}`);
    }
    if (role !== undefined && !parameterRoles.includes(role)) {
      bad(name, `the role of ${key} must be one of ${parameterRoles.join(", ")}, got "${role}"`);
    }
    if (first !== undefined && !Number.isFinite(first)) bad(name, `${key} must begin at a number, got ${first}`);
    const own = role ?? (shape.length > 1 ? "weight" : "bias");
    return [key, { shape: [...shape], role: own, ...(first === undefined ? {} : { first }) }];
  });
  register(customLayerType);
  return {
    type: "custom",
    name,
    in: options.in ?? null,
    out: options.out ?? null,
    parameters: Object.fromEntries(checked),
    build,
  };
}

/** An activation as a layer. `alpha` is its one number, where it has one. */
export function activationLayer({ spec, forward }: Activation, alpha = spec.defaultAlpha ?? 0): CustomLayer {
  const build: BuildLayer = (g, x) => g.one(forward, [x], { alpha }, `${spec.name} of ${x.name}`);
  return customLayer({ name: spec.name, build });
}

/** For what writes models into files, which cannot hold code. */
export function refuseCode({ name }: CustomLayer): never {
  return bad(name, "a custom layer is code, which cannot be written into a file");
}

const asShape = (given: number | Shape): Shape => (typeof given === "number" ? [given] : given);

export const customLayerType: LayerType<CustomLayer> = {
  type: "custom",
  read: (f) => {
    // What customLayer() gives was checked there.
    if (typeof f.value("build") === "function") return f.all() as unknown as CustomLayer;
    return f.bad("a custom layer is code, which a file cannot hold: put customLayer(...) into the model");
  },
  wants: (layer) => (layer.in === null ? null : asShape(layer.in)),
  shape(layer, inputs, misfit) {
    const [x] = inputs as [Shape];
    if (layer.in !== null && !sameShape(asShape(layer.in), x)) {
      misfit(typeof layer.in === "number" ? `${layer.in} values` : shapeText(layer.in));
    }
    if (typeof layer.out === "function") return layer.out(...inputs);
    return layer.out === null ? x : asShape(layer.out);
  },
  parameters: (layer) =>
    Object.entries(layer.parameters).map(([key, p]) => ({ key, transposed: p.shape.length === 2, ...p })),
  forward({ g, name, parameter, training }, layer, inputs) {
    const [x] = inputs as [Tensor];
    const parameters = Object.fromEntries(Object.keys(layer.parameters).map((key) => [key, parameter(key)]));
    const y = layer.build(g, x, parameters, { training, inputs });
    const rows = inputs.map(({ shape }) => shape.slice(1));
    const wanted = [x.shape[0]!, ...customLayerType.shape(layer, rows, (text) => bad(layer.name, `takes ${text}`))];
    const got = y && Array.isArray(y.shape) ? `${y.dtype} ${shapeText(y.shape)}` : String(y);
    if (!y || !Array.isArray(y.shape) || !sameShape(y.shape, wanted) || y.dtype !== "f32") {
      throw new ChainruleError("shape", `layer ${name}: build must give f32 ${shapeText(wanted)}, it gave ${got}`);
    }
    return y;
  },
};

import { sizeOf } from "../../core/ndarray.ts";
import { adapters } from "./known.ts";
import type { LayerType, Wiring } from "./layer-type.ts";
import type { LoraSpec, Projection } from "./lora-spec.ts";

/** y = x W + b on the last axis of a value: torch.nn.Linear, with W [in, out]. */
export interface LinearSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "linear";
  /** Width, or channels, that it takes. */
  readonly in: number;
  /** Width, or channels, that it gives. */
  readonly out: number;
  /** Whether a parameter [out] is added. */
  readonly bias: boolean;
  /** A low-rank adapter beside its weight; none where absent. */
  readonly lora?: LoraSpec;
}

/** The layer as what an adapter stands beside. */
export const linearMaps = ({ in: inputs, out }: LinearSpec): readonly Projection[] => [
  { target: "", inputs, outputs: out, weight: "weight", first: 0 },
];

export const linearLayer: LayerType<LinearSpec> = {
  type: "linear",
  read(f) {
    f.only("in", "out", "bias", "lora");
    const lora = f.has("lora") && adapters().read(f);
    return { in: f.whole("in"), out: f.whole("out"), bias: f.flag("bias", true), ...(lora && { lora }) };
  },
  fill: (layer, input) => ({ in: input.at(-1)!, ...layer }),
  start: () => ({ out: 16 }),
  open: "linear(inputs, outputs)",
  wants: (layer) => [layer.in],
  shape(layer, [x], misfit) {
    if (x!.at(-1) !== layer.in) misfit(x!.length > 1 ? `${layer.in} on the last axis` : `${layer.in} values`);
    return [...x!.slice(0, -1), layer.out];
  },
  parameters: (layer) => [
    { key: "weight", shape: [layer.in, layer.out], role: "weight", transposed: true },
    ...(layer.bias ? [{ key: "bias", shape: [layer.out], role: "bias" } as const] : []),
    ...(layer.lora ? adapters().parameters(layer.lora, linearMaps(layer)) : []),
  ],
  async forward(c, layer, [x]) {
    const { g, ops, name, index, parameter, layerOps } = c;
    const rows = x!.shape.length === 2 ? null : await layerOps();
    const shape = [sizeOf(x!.shape) / layer.in, layer.in];
    const flat = rows ? g.one(rows.reshape, [x!], { shape }, `rows of ${x!.name}`) : x!;
    const product = g.one(ops.matmul, [flat, parameter("weight")], null, layer.bias ? `${index}.product` : name);
    const own = layer.bias ? g.one(ops.addBias, [product, parameter("bias")], null, name) : product;
    const y = layer.lora ? await adapters().forward(c, layer.lora, linearMaps(layer), own, flat, name) : own;
    return rows ? g.one(rows.reshape, [y], { shape: [...x!.shape.slice(0, -1), layer.out] }, name) : y;
  },
};

/** How a linear layer is made. */
export interface LinearOptions {
  /** Whether a bias [out] is added; true by default. */
  readonly bias?: boolean;
}

/**
 * y = x W + b: from x [batch, ..., in] to y [batch, ..., out], with W [in, out] and b [out]. `linear(64)` leaves `in` to
 * sequential(), which takes it from the layer before; the first layer of a model needs both.
 */
export function linear(out: number, options?: LinearOptions): Omit<LinearSpec, "in">;
export function linear(inputs: number, out: number, options?: LinearOptions): LinearSpec;
export function linear(
  first: number,
  second?: number | LinearOptions,
  third?: LinearOptions,
): LinearSpec | Omit<LinearSpec, "in"> {
  if (typeof second === "number") return { type: "linear", in: first, out: second, bias: third?.bias ?? true };
  return { type: "linear", out: first, bias: second?.bias ?? true };
}

import { type Shape, shapeText, sizeOf } from "../../core/ndarray.ts";
import { wholeNumbers } from "./dimensions.ts";
import { register } from "./known.ts";
import type { LayerType, Wiring } from "./layer-type.ts";

/** All values of a row in one axis: torch.nn.Flatten. */
export interface FlattenSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "flatten";
}

/** The values of a row, in their order, under another shape. */
export interface ReshapeSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "reshape";
  /** Of one row, batch left out. */
  readonly shape: Shape;
}

/** A row's axes in another order. */
export interface PermuteSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "permute";
  /** For each axis of the result the axis that it was, counted without the batch from 0. */
  readonly order: readonly number[];
}

export const flattenLayer: LayerType<FlattenSpec> = {
  type: "flatten",
  read(f) {
    f.only();
    return {};
  },
  shape: (_layer, [x]) => [sizeOf(x!)],
  torch: () => "nn.Flatten()",
  onnx: (_layer, { inputs, output }) => [{ op: "Flatten", inputs, output, integers: { axis: 1 } }],
  async forward({ g, name, layerOps }, _layer, [x]) {
    if (x!.shape.length === 2) return x!;
    const { reshape } = await layerOps();
    return g.one(reshape, [x!], { shape: [x!.shape[0]!, sizeOf(x!.shape.slice(1))] }, name);
  },
};

export const reshapeLayer: LayerType<ReshapeSpec> = {
  type: "reshape",
  read(f) {
    f.only("shape");
    return { shape: wholeNumbers(f, "shape") };
  },
  shape({ shape }, [x], misfit) {
    if (sizeOf(shape) !== sizeOf(x!)) misfit(`${sizeOf(shape)} values, for its shape ${shapeText(shape)}`);
    return shape;
  },
  start: (input) => ({ shape: input }),
  onnx: ({ shape }, { inputs, output, wholes }) => [
    { op: "Reshape", inputs: [...inputs, wholes("shape", [0, ...shape])], output },
  ],
  torchCall: ({ shape }, [x]) => `${x}.reshape(-1, ${shape.join(", ")})`,
  async forward({ g, name, layerOps }, { shape }, [x]) {
    const { reshape } = await layerOps();
    return g.one(reshape, [x!], { shape: [x!.shape[0]!, ...shape] }, name);
  },
};

export const permuteLayer: LayerType<PermuteSpec> = {
  type: "permute",
  read(f) {
    f.only("order");
    const order = wholeNumbers(f, "order", 0);
    if ([...order].sort((a, b) => a - b).some((axis, i) => axis !== i)) {
      f.bad(`"order" must hold each axis of a row once, from 0, got ${JSON.stringify(order)}`);
    }
    return { order };
  },
  shape({ order }, [x], misfit) {
    if (order.length !== x!.length) misfit(`rows of ${order.length} axes`);
    return order.map((axis) => x![axis]!);
  },
  start: (input) => ({ order: input.map((_, axis) => axis) }),
  onnx: ({ order }, { inputs, output }) => [
    { op: "Transpose", inputs, output, lists: { perm: [0, ...order.map((axis) => axis + 1)] } },
  ],
  torchCall: ({ order }, [x]) => `${x}.permute(0, ${order.map((axis) => axis + 1).join(", ")})`,
  async forward({ g, name, layerOps }, { order }, [x]) {
    const { permute } = await layerOps();
    return g.one(permute, [x!], { order: [0, ...order.map((axis) => axis + 1)] }, name);
  },
};

/** All values of a row side by side: from [batch, ...] to [batch, values]. */
export function flatten(): FlattenSpec {
  register(flattenLayer);
  return { type: "flatten" };
}

/** The values of a row, in their order, under another shape, batch left out. */
export function reshape(shape: Shape): ReshapeSpec {
  register(reshapeLayer);
  return { type: "reshape", shape };
}

/** A row's axes in another order, counted without the batch: permute([1, 2, 0]) puts channels last. */
export function permute(order: readonly number[]): PermuteSpec {
  register(permuteLayer);
  return { type: "permute", order };
}

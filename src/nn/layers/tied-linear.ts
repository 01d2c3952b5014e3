import { brief } from "../../core/format.ts";
import { sameShape, shapeText, sizeOf } from "../../core/ndarray.ts";
import { bad } from "./fields.ts";
import { register } from "./known.ts";
import type { LayerType, Wiring } from "./layer-type.ts";

/**
 * A linear map that shares its weight with a layer before it, and has none of its own. y = x W^T on the last axis, with W
 * as it lies here: [vocabulary, size] of an embedding, whose head this is, or [in, out] of a `linear`, whose way back it
 * is, as in an autoencoder whose decoder is its encoder turned. y = x W where `transposed` is false.
 */
export interface TiedLinearSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "tiedLinear";
  /** What the layer is called whose weight it takes: its name, or its index. */
  readonly to: string;
  /** Width that it takes: the weight's last dimension, or its first where not transposed. */
  readonly in: number;
  /** Width that it gives: the weight's other dimension. */
  readonly out: number;
  /** False where it multiplies by the weight as it lies; true where absent. */
  readonly transposed?: false;
}

/** Whether it multiplies by the weight turned. */
export const isTransposed = ({ transposed }: TiedLinearSpec): boolean => transposed !== false;

/**
 * Whether PyTorch's F.linear, which turns its weight itself, wants that of a layer of type `lender` turned once more: a
 * linear layer's lies as [out, in] there, an embedding's as here.
 */
export const isTurnedInFiles = (layer: TiedLinearSpec, lender: string): boolean =>
  isTransposed(layer) === (lender === "linear");

export const tiedLinearLayer: LayerType<TiedLinearSpec> = {
  type: "tiedLinear",
  read(f) {
    f.only("to", "in", "out", "transposed");
    const to = f.value("to");
    if (typeof to !== "string")
      return f.bad('"to" must be the name of an embedding or a linear layer before it, or its index as a text');
    const transposed = f.flag("transposed", true);
    return { to, in: f.whole("in"), out: f.whole("out"), ...(!transposed && { transposed }) };
  },
  tied(layer, at, lenderOf) {
    const { to, in: inputs, out } = layer;
    const wanted = isTransposed(layer) ? [out, inputs] : [inputs, out];
    const takes = `${at} takes the weight ${shapeText(wanted)} of ${brief(to)}, which`;
    const lender = lenderOf(to);
    if (!lender || (lender.type !== "embedding" && lender.type !== "linear")) {
      return bad(`${takes} is no embedding and no linear layer before it`);
    }
    if (lender.adapted) {
      bad(`${takes} has an adapter, and merging that would change both: adapt another layer`);
    }
    if (!sameShape(lender.weight, wanted)) bad(`${takes} has ${shapeText(lender.weight)}`);
  },
  shape(layer, [x], misfit) {
    if (x!.at(-1) !== layer.in) misfit(x!.length > 1 ? `${layer.in} on the last axis` : `${layer.in} values`);
    return [...x!.slice(0, -1), layer.out];
  },
  fill: (layer, input) => ({ in: input.at(-1)!, ...layer }),
  start: () => ({ to: "0", out: 2 }),
  torchCall: (layer, [x], typeOf) =>
    `F.linear(${x}, self.at("${layer.to}").weight${isTurnedInFiles(layer, typeOf(layer.to)) ? ".t()" : ""})`,
  onnx(layer, { inputs, output, between, typeOf }) {
    const weight = `${layer.to}.weight`;
    const product = (w: string) => ({ op: "MatMul", inputs: [inputs[0]!, w], output });
    if (isTurnedInFiles(layer, typeOf(layer.to))) return [product(weight)];
    const turned = { op: "Transpose", inputs: [weight], output: between("turned"), lists: { perm: [1, 0] } };
    return [turned, product(turned.output)];
  },
  async forward({ g, ops, name, shared, layerOps }, layer, [x]) {
    const { reshape, transposeMatmul } = await layerOps();
    const rows = [sizeOf(x!.shape) / layer.in, layer.in];
    const flat = x!.shape.length === 2 ? x! : g.one(reshape, [x!], { shape: rows }, `rows of ${x!.name}`);
    const weight = shared(`${layer.to}.weight`);
    const y = isTransposed(layer)
      ? g.one(transposeMatmul, [flat, weight], { transpose: "b" }, name)
      : g.one(ops.matmul, [flat, weight], null, name);
    return x!.shape.length === 2 ? y : g.one(reshape, [y], { shape: [...x!.shape.slice(0, -1), layer.out] }, name);
  },
};

/** How a tied layer is made. */
export interface TiedLinearOptions extends Wiring {
  /** False where it multiplies by the weight as it lies. */
  readonly transposed?: false;
}

/**
 * A map that shares the weight of the layer called `to`, an embedding [vocabulary, size] or a `linear` [in, out], turned:
 * from x [batch, ..., size] to y [batch, ..., vocabulary], or back from [batch, ..., out] to [batch, ..., in]. With
 * `transposed: false` the weight is used as it lies. It is one parameter, whose gradient is the sum of what all layers say
 * that use it. Throws ChainruleError "model" where the layer named is another, has an adapter, or has another shape.
 *
 * @example
 * const autoencoder = sequential([linear(64, 16), relu(), tiedLinear("0", 16, 64)], { loss: "mse" });
 */
export function tiedLinear(to: string, inputs: number, out: number, options: TiedLinearOptions = {}): TiedLinearSpec {
  register(tiedLinearLayer);
  return { type: "tiedLinear", to, in: inputs, out, ...options };
}

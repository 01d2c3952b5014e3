import { brief } from "../../core/format.ts";
import { sameShape, shapeText, sizeOf } from "../../core/ndarray.ts";
import { bad } from "./fields.ts";
import { register } from "./known.ts";
import type { LayerType, Wiring } from "./layer-type.ts";

/**
 * y = x E^T on the last axis, with the weight E [vocabulary, size] of an embedding before it: a head that shares the
 * embedding's numbers, as torch.nn.Linear without bias whose weight is the embedding's. It has none of its own.
 */
export interface TiedLinearSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "tiedLinear";
  /** What the embedding is called: its name, or its index. */
  readonly to: string;
  /** Width that it takes: the embedding's size. */
  readonly in: number;
  /** Width that it gives: the embedding's vocabulary. */
  readonly out: number;
}

export const tiedLinearLayer: LayerType<TiedLinearSpec> = {
  type: "tiedLinear",
  read(f) {
    f.only("to", "in", "out");
    const to = f.value("to");
    if (typeof to !== "string") return f.bad('"to" must be the name of an embedding before it, or its index as a text');
    return { to, in: f.whole("in"), out: f.whole("out") };
  },
  tied({ to, in: inputs, out }, at, weightOf) {
    const weight = weightOf(to);
    if (weight && sameShape(weight, [out, inputs])) return;
    const is = weight ? `has ${shapeText(weight)}` : "is no embedding before it";
    bad(`${at} takes the weight ${shapeText([out, inputs])} of ${brief(to)}, which ${is}`);
  },
  shape(layer, [x], misfit) {
    if (x!.at(-1) !== layer.in) misfit(x!.length > 1 ? `${layer.in} on the last axis` : `${layer.in} values`);
    return [...x!.slice(0, -1), layer.out];
  },
  fill: (layer, input) => ({ in: input.at(-1)!, ...layer }),
  start: () => ({ to: "0", out: 2 }),
  torchCall: ({ to }, [x]) => `F.linear(${x}, self.at("${to}").weight)`,
  onnx: ({ to }, { inputs, output, between }) => [
    { op: "Transpose", inputs: [`${to}.weight`], output: between("turned"), lists: { perm: [1, 0] } },
    { op: "MatMul", inputs: [inputs[0]!, between("turned")], output },
  ],
  async forward({ g, name, shared, layerOps }, layer, [x]) {
    const { reshape, transposeMatmul } = await layerOps();
    const rows = [sizeOf(x!.shape) / layer.in, layer.in];
    const flat = x!.shape.length === 2 ? x! : g.one(reshape, [x!], { shape: rows }, `rows of ${x!.name}`);
    const y = g.one(transposeMatmul, [flat, shared(`${layer.to}.weight`)], { transpose: "b" }, name);
    return x!.shape.length === 2 ? y : g.one(reshape, [y], { shape: [...x!.shape.slice(0, -1), layer.out] }, name);
  },
};

/**
 * A head that shares the weight [vocabulary, size] of the embedding called `to`, from x [batch, ..., size] to y
 * [batch, ..., vocabulary]; it is one parameter, whose gradient is the sum of what both layers say.
 */
export function tiedLinear(to: string, inputs: number, out: number, wiring: Wiring = {}): TiedLinearSpec {
  register(tiedLinearLayer);
  return { type: "tiedLinear", to, in: inputs, out, ...wiring };
}

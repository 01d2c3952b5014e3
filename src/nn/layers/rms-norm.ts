import { sizeOf } from "../../core/ndarray.ts";
import { register } from "./known.ts";
import type { LayerType, Wiring } from "./layer-type.ts";

/** The last axis divided by the root of its mean square, then scaled: torch.nn.RMSNorm. */
export interface RmsNormSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "rmsNorm";
  /** Width, or channels. */
  readonly size: number;
  /** Added to the variance before the root. */
  readonly eps: number;
}

export const rmsNormLayer: LayerType<RmsNormSpec> = {
  type: "rmsNorm",
  read(f) {
    f.only("size", "eps");
    return { size: f.whole("size"), eps: f.number("eps", 1e-5, 1e-12, 1) };
  },
  fill: (layer, input) => ({ size: input.at(-1)!, ...layer }),
  open: "rmsNorm({ size })",
  wants: (layer) => [layer.size],
  shape(layer, [x], misfit) {
    if (x!.at(-1) !== layer.size) misfit(x!.length > 1 ? `${layer.size} on the last axis` : `${layer.size} values`);
    return x!;
  },
  parameters: ({ size }) => [{ key: "weight", shape: [size], role: "scale" }],
  onnx: ({ eps }, c) => [
    { op: "Mul", inputs: [c.inputs[0]!, c.inputs[0]!], output: c.between("squares") },
    {
      op: "ReduceMean",
      inputs: [c.between("squares")],
      output: c.between("mean"),
      lists: { axes: [-1] },
      integers: { keepdims: 1 },
    },
    { op: "Add", inputs: [c.between("mean"), c.floats("eps", [], () => eps)], output: c.between("shifted") },
    { op: "Sqrt", inputs: [c.between("shifted")], output: c.between("root") },
    { op: "Div", inputs: [c.inputs[0]!, c.between("root")], output: c.between("normal") },
    { op: "Mul", inputs: [c.between("normal"), c.weight("weight")], output: c.output },
  ],
  torch: ({ size, eps }) => `nn.RMSNorm(${size}, eps=${eps})`,
  async forward({ g, name, parameter, layerOps }, { size, eps }, [x]) {
    const { rmsNorm, reshape } = await layerOps();
    if (x!.shape.length === 2) return g.one(rmsNorm, [x!, parameter("weight")], { eps }, name);
    const rows = g.one(reshape, [x!], { shape: [sizeOf(x!.shape) / size, size] }, `rows of ${x!.name}`);
    const y = g.one(rmsNorm, [rows, parameter("weight")], { eps }, name);
    return g.one(reshape, [y], { shape: x!.shape }, name);
  },
};

/** Divides each row by the root of its mean square and scales it by a parameter [size]. `eps` is added to the mean square. */
export function rmsNorm(options: Wiring & { readonly eps?: number } = {}): Omit<RmsNormSpec, "size"> {
  register(rmsNormLayer);
  return { type: "rmsNorm", eps: 1e-5, ...options };
}

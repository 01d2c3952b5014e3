import { sizeOf } from "../../core/ndarray.ts";
import { register } from "./known.ts";
import type { LayerType, Wiring } from "./layer-type.ts";

/** The last axis divided by the root of its mean square, then scaled: torch.nn.RMSNorm. */
export interface RmsNormSpec extends Wiring {
  readonly type: "rmsNorm";
  readonly size: number;
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

import { ChainruleError } from "../../core/errors.ts";
import { ndarray, sizeOf } from "../../core/ndarray.ts";
import { register } from "./known.ts";
import type { LayerType, Wiring } from "./layer-type.ts";

/** Each channel of a batch to mean 0 and variance 1: torch.nn.BatchNorm1d and 2d, running statistics kept. */
export interface BatchNormSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "batchNorm";
  /** Channels. */
  readonly size: number;
  /** Added to the variance before the root. */
  readonly eps: number;
  /** Share of each batch in the running statistics; null: they are the mean of all batches. */
  readonly momentum: number | null;
  /** Whether channels are then scaled and shifted by parameters. */
  readonly affine: boolean;
}

const alone = (name: string): string =>
  `layer ${name}: a batch of one row leaves one value a channel, which has no variance; take a larger batch`;

export const batchNormLayer: LayerType<BatchNormSpec> = {
  type: "batchNorm",
  read(f) {
    f.only("size", "eps", "momentum", "affine");
    const momentum = f.value("momentum") === null ? null : f.number("momentum", 0.1, 0, 1.0000001);
    return { size: f.whole("size"), eps: f.number("eps", 1e-5, 1e-12, 1), momentum, affine: f.flag("affine", true) };
  },
  fill: (layer, input) => ({ size: input[0]!, ...layer }),
  open: "batchNorm(size)",
  shape(layer, [x], misfit) {
    if (x![0] !== layer.size)
      misfit(x!.length > 1 ? `${layer.size} channels on the first axis` : `${layer.size} values`);
    return x!;
  },
  parameters: ({ affine, size }) =>
    affine
      ? [
          { key: "weight", shape: [size], role: "scale" },
          { key: "bias", shape: [size], role: "shift" },
        ]
      : [],
  statistics: ({ size }) => [
    { key: "running_mean", shape: [size], first: 0 },
    { key: "running_var", shape: [size], first: 1 },
    { key: "num_batches_tracked", shape: [1], first: 0, counts: true },
  ],
  onnx({ size, eps, affine }, c) {
    const constant = (key: string, value: number): string => c.floats(key, [size], () => value);
    const scale = affine ? [c.weight("weight"), c.weight("bias")] : [constant("scale", 1), constant("shift", 0)];
    const inputs = [...c.inputs, ...scale, c.weight("running_mean"), c.weight("running_var")];
    return [{ op: "BatchNormalization", inputs, output: c.output, floats: { epsilon: eps } }];
  },
  torch({ size, eps, momentum, affine }, input) {
    const kept = momentum === 0.1 ? "" : `, momentum=${momentum === null ? "None" : momentum}`;
    return `nn.BatchNorm${input.length === 3 ? 2 : 1}d(${size}, eps=${eps}${kept}${affine ? "" : ", affine=False"})`;
  },
  async forward({ g, name, training, parameter, statistics, layerOps }, { size, eps, momentum, affine }, [x]) {
    const { batchNorm, batchNormInference } = await layerOps();
    const constant = (value: number, what: string) =>
      g.variable(`${name} ${what}`, ndarray([size], "f32", new Float32Array(size).fill(value)));
    const scale = affine
      ? [parameter("weight"), parameter("bias")]
      : [constant(1, "without scale"), constant(0, "without shift")];
    const inputs = [x!, ...scale, statistics()];
    if (!training) return g.one(batchNormInference, inputs, { eps }, name);
    if (sizeOf(x!.shape) === size) throw new ChainruleError("shape", alone(name));
    const [y, , , running] = g.add(batchNorm, inputs, { eps, momentum }, name);
    statistics(running);
    return y!;
  },
};

/** How batch norm is made. */
export interface BatchNormOptions extends Wiring {
  /** Default 1e-5. */
  readonly eps?: number;
  /** Default 0.1. */
  readonly momentum?: number | null;
  /** Default true. */
  readonly affine?: boolean;
}

/**
 * Normalises each channel over the batch and all places while training, by running statistics in evaluation. As many
 * channels as the layer before gives.
 */
export function batchNorm(options: BatchNormOptions = {}): Omit<BatchNormSpec, "size"> {
  register(batchNormLayer);
  return { type: "batchNorm", eps: 1e-5, momentum: 0.1, affine: true, ...options };
}

import { type Array as JaxArray, lax, nn, numpy as np } from "@jax-js/jax";
import type { Layers } from "./layers.ts";

/** Both dimensions of a layer's number, or pair. */
const both = (value: unknown): [number, number] =>
  Array.isArray(value) ? [value[0] as number, value[1] as number] : [value as number, value as number];

/**
 * jax-js's words, channels first as its convolutions are. Every value is used up by what reads it; where something reads it
 * again it is asked for by `.ref`.
 */
export const jaxLayers: Layers<JaxArray> = {
  linear({ bias }, [x], weight) {
    const product = np.matmul(x!, weight("weight"));
    return bias ? product.add(weight("bias")) : product;
  },
  conv2d({ stride, padding, bias, out }, [x], weight) {
    const [r, c] = both(padding);
    const y = lax.convGeneralDilated(x!, weight("weight"), both(stride), [[r, r], [c, c]]); // biome-ignore format: pairs
    return bias ? y.add(weight("bias").reshape([1, out, 1, 1])) : y;
  },
  relu: (_, [x]) => nn.relu(x!),
  maxPool2d: ({ kernel }, [x]) => lax.reduceWindow(x!, np.max, both(kernel), both(kernel)),
  adaptiveAvgPool2d: (_, [x]) => np.mean(x!, [2, 3], { keepdims: true }),
  flatten: (_, [x]) => x!.reshape([x!.shape[0]!, -1]),
  add: (_, [a, b]) => a!.add(b!),
  batchNorm({ size, eps }, [x], weight) {
    const one = (v: JaxArray): JaxArray => v.reshape([1, size as number, 1, 1]);
    const mean = np.mean(x!.ref, [0, 2, 3], { keepdims: true });
    const centred = x!.sub(mean);
    const variance = np.mean(np.square(centred.ref), [0, 2, 3], { keepdims: true });
    return centred
      .div(np.sqrt(variance.add(eps as number)))
      .mul(one(weight("weight")))
      .add(one(weight("bias")));
  },
};

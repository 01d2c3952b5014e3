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
  /** One layer, one direction, every step written out: jax-js has no loop, and jit makes one program of them. */
  lstm({ out }, [x], weight) {
    const [n, t] = x!.shape as [number, number];
    const bias = weight("bias_ih_l0").add(weight("bias_hh_l0"));
    const sums = np.matmul(x!, np.transpose(weight("weight_ih_l0"))).add(bias);
    const back = np.transpose(weight("weight_hh_l0"));
    let h = np.zeros([n, out]);
    let c = np.zeros([n, out]);
    const all: JaxArray[] = [];
    for (let step = 0; step < t; step++) {
      const gates = sums.ref.slice([], step).add(np.matmul(h, back.ref));
      const gate = (k: number): JaxArray => gates.ref.slice([], [k * out, (k + 1) * out]);
      c = nn
        .sigmoid(gate(1))
        .mul(c)
        .add(nn.sigmoid(gate(0)).mul(np.tanh(gate(2))));
      h = nn.sigmoid(gate(3)).mul(np.tanh(c.ref));
      gates.dispose();
      all.push(h.ref);
    }
    for (const left of [h, c, sums, back]) left.dispose();
    return np.stack(all, 1);
  },
  embedding: ({ vocabulary }, [x], weight) => np.matmul(nn.oneHot(x!, vocabulary), weight("weight")),
  positionEmbedding: (_, [x], weight) => x!.add(weight("weight")),
  layerNorm({ eps }, [x], weight) {
    const mean = np.mean(x!.ref, -1, { keepdims: true });
    const centred = x!.sub(mean);
    const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
    return centred
      .div(np.sqrt(variance.add(eps)))
      .mul(weight("weight"))
      .add(weight("bias"));
  },
  gelu: (_, [x]) => nn.gelu(x!, { approximate: false }),
  attention({ size, heads, causal }, [x], weight) {
    const [n, t] = x!.shape as [number, number];
    const qkv = np.matmul(x!, weight("in_proj_weight")).add(weight("in_proj_bias"));
    const part = (k: number): JaxArray =>
      qkv.ref.slice([], [], [k * size, (k + 1) * size]).reshape([n, t, heads, size / heads]);
    const o = nn.dotProductAttention(part(0), part(1), part(2), { isCausal: causal });
    qkv.dispose();
    return np.matmul(o.reshape([n, t, size]), weight("out_proj.weight")).add(weight("out_proj.bias"));
  },
  lastStep: (_, [x]) => x!.slice([], -1),
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

import * as tf from "@tensorflow/tfjs-core";
import type { NdArray } from "../../../src/core/ndarray.ts";
import type { LayerSpec } from "../../../src/nn/layers/spec.ts";
import type { Layers } from "./layers.ts";

/** Layers whose fused kernels take a rectifier in. */
export const rectifies: readonly LayerSpec["type"][] = ["linear", "conv2d"];

/** Images [n, c, h, w] and kernels [out, in, k, k] become [n, h, w, c] and [k, k, in, out]; other arrays stay. */
export function toTensor({ shape, data }: NdArray): tf.Tensor {
  return tf.tidy(() => {
    const tensor = tf.tensor(data as Float32Array, [...shape], "float32");
    return shape.length < 4 ? tensor : tf.transpose(tensor, isKernel(shape) ? [2, 3, 1, 0] : [0, 2, 3, 1]);
  });
}

/** Values of a tensor in our order of axes. */
export async function channelsFirst(tensor: tf.Tensor): Promise<Float32Array> {
  if (tensor.rank < 4) return (await tensor.data()) as Float32Array;
  const [first, second] = tensor.shape;
  const kernel = first === second && first! <= 3;
  const turned = tf.transpose(tensor, kernel ? [3, 2, 0, 1] : [0, 3, 1, 2]);
  const data = (await turned.data()) as Float32Array;
  turned.dispose();
  return data;
}

/** Kernels of these benchmarks are square and at most 3 wide, images are larger. */
const isKernel = (shape: readonly number[]): boolean => shape[2] === shape[3] && shape[2]! <= 3;

/** x w + b along the last axis: batched products of a matrix that all share have no gradient there. */
function project(x: tf.Tensor, w: tf.Tensor, b?: tf.Tensor): tf.Tensor {
  const size = x.shape.at(-1)!;
  const rows = tf.reshape(x, [-1, size]) as tf.Tensor2D;
  const product = tf.matMul(rows, w as tf.Tensor2D);
  return tf.reshape(b ? tf.add(product, b) : product, [...x.shape.slice(0, -1), w.shape[1]!]);
}

/** Scores [..., t, t] where what lies behind a step's own is far below all else. */
export function causal(scores: tf.Tensor, t: number): tf.Tensor {
  return tf.add(scores, tf.mul(tf.sub(1, tf.linalg.bandPart(tf.ones([t, t]), -1, 0)), -1e9));
}

export const tensorflowLayers: Layers<tf.Tensor> = {
  linear({ bias }, [x], weight, rectified) {
    if (x!.rank > 2) return project(x!, weight("weight"), bias ? weight("bias") : undefined);
    const [a, b] = [x as tf.Tensor2D, weight("weight") as tf.Tensor2D];
    if (!bias) return tf.matMul(a, b);
    return tf.fused.matMul({ a, b, bias: weight("bias"), activation: rectified ? "relu" : "linear" });
  },
  conv2d({ stride, padding, bias }, [x], weight, rectified) {
    const input = x as tf.Tensor4D;
    const filter = weight("weight") as tf.Tensor4D;
    const [strides, pad] = [stride as number, padding as number];
    if (!bias && !rectified) return tf.conv2d(input, filter, strides, pad);
    const activation = rectified ? "relu" : "linear";
    return tf.fused.conv2d({ x: input, filter, strides, pad, ...(bias ? { bias: weight("bias") } : {}), activation });
  },
  /** One layer, one direction, a step after the other, as its own layers go through them. */
  lstm({ out, in: inputs }, [x], weight) {
    const [n, t] = x!.shape as [number, number];
    const bias = tf.add(weight("bias_ih_l0"), weight("bias_hh_l0"));
    const rows = tf.reshape(x!, [n * t, inputs]) as tf.Tensor2D;
    const product = tf.matMul(rows, weight("weight_ih_l0") as tf.Tensor2D, false, true);
    const steps = tf.unstack(tf.reshape(tf.add(product, bias), [n, t, 4 * out]), 1);
    let h: tf.Tensor2D = tf.zeros([n, out]);
    let c: tf.Tensor2D = tf.zeros([n, out]);
    const all = steps.map((sums) => {
      const gates = tf.add(sums, tf.matMul(h, weight("weight_hh_l0") as tf.Tensor2D, false, true));
      const [i, f, g, o] = tf.split(gates, 4, 1) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
      c = tf.add(tf.mul(tf.sigmoid(f), c), tf.mul(tf.sigmoid(i), tf.tanh(g)));
      h = tf.mul(tf.sigmoid(o), tf.tanh(c));
      return h;
    });
    return tf.stack(all, 1);
  },
  // Its WebAssembly has no gradient of gather.
  embedding: ({ vocabulary }, [x], weight) =>
    tf.getBackend() === "wasm"
      ? project(tf.oneHot(x as tf.Tensor2D, vocabulary), weight("weight"))
      : tf.gather(weight("weight"), x as tf.Tensor2D),
  positionEmbedding: (_, [x], weight) => tf.add(x!, weight("weight")),
  layerNorm({ eps }, [x], weight) {
    const { mean, variance } = tf.moments(x!, -1, true);
    const normal = tf.mul(tf.sub(x!, mean), tf.rsqrt(tf.add(variance, eps)));
    return tf.add(tf.mul(normal, weight("weight")), weight("bias"));
  },
  gelu: (_, [x]) => tf.mul(tf.mul(x!, 0.5), tf.add(tf.erf(tf.div(x!, Math.SQRT2)), 1)),
  attention({ size, heads }, [x], weight) {
    const [n, t] = x!.shape as [number, number];
    const qkv = tf.split(project(x!, weight("in_proj_weight"), weight("in_proj_bias")), 3, 2);
    const [q, k, v] = qkv.map((part) => tf.transpose(tf.reshape(part, [n, t, heads, size / heads]), [0, 2, 1, 3]));
    const scores = tf.mul(tf.matMul(q!, k!, false, true), 1 / Math.sqrt(size / heads));
    const o = tf.matMul(tf.softmax(causal(scores, t)), v!);
    return project(
      tf.reshape(tf.transpose(o, [0, 2, 1, 3]), [n, t, size]),
      weight("out_proj.weight"),
      weight("out_proj.bias"),
    );
  },
  lastStep: (_, [x]) => tf.reshape(tf.slice(x!, [0, x!.shape[1]! - 1, 0], [-1, 1, -1]), [x!.shape[0]!, x!.shape[2]!]),
  relu: (_, [x]) => tf.relu(x!),
  maxPool2d: ({ kernel }, [x]) => tf.maxPool(x as tf.Tensor4D, kernel as number, kernel as number, 0),
  adaptiveAvgPool2d: (_, [x]) => tf.mean(x!, [1, 2], true),
  // Channels first, as the linear layer's weights want them.
  flatten: (_, [x]) => tf.reshape(tf.transpose(x!, [0, 3, 1, 2]), [x!.shape[0]!, -1]),
  add: (_, [a, b]) => tf.add(a!, b!),
  batchNorm({ eps }, [x], weight) {
    const { mean, variance } = tf.moments(x!, [0, 1, 2]);
    return tf.batchNorm(x as tf.Tensor4D, mean as tf.Tensor1D, variance as tf.Tensor1D, weight("bias") as tf.Tensor1D, weight("weight") as tf.Tensor1D, eps as number); // biome-ignore format: one call
  },
};

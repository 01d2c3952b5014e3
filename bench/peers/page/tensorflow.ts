import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { type NdArray, ndarray, type Shape } from "../../../src/core/ndarray.ts";
import { apart, together } from "../attention.ts";
import { inputShape, oneHot, targetShape } from "../problem.ts";
import type { Contestant, ResultSession } from "./contestant.ts";
import { forward } from "./layers.ts";
import { causal, channelsFirst, rectifies, tensorflowLayers, toTensor } from "./tensorflow-layers.ts";

/**
 * TensorFlow.js, core API. Variables, a train.Optimizer and minimize(), which computes the gradients and applies them;
 * tidy() and dispose() free what a step makes; nothing is read back but one loss at the end of a sample. WebAssembly
 * has SIMD, and threads since the page is cross-origin isolated. Its fused matMul and conv2d (with bias and rectifier in one
 * kernel, and gradients of their own) are what its layers API uses too. Images and kernels lie channels last, as it has them.
 */
export async function openTensorflow(device: "webgpu" | "wasm"): Promise<Contestant> {
  if (device === "webgpu") await import("@tensorflow/tfjs-backend-webgpu");
  else await openWasm();
  if (!(await tf.setBackend(device))) throw new Error(`TensorFlow.js has no backend ${device} here`);
  await tf.ready();
  return {
    description: `TensorFlow.js ${tf.version_core}, ${device}`,
    async train(task, problem) {
      const { model, batch } = task;
      const weights = new Map<string, tf.Variable>();
      for (const [name, w] of problem.weights) weights.set(name, tf.variable(toTensor(w), true, name));
      const shape = [batch, ...inputShape(model, problem.x)];
      const tokens = problem.x.dtype === "i32";
      const x = tokens
        ? tf.tensor(Int32Array.from(problem.x.data), shape, "int32")
        : toTensor(ndarray(shape, "f32", problem.x.data as Float32Array));
      const y = tf.tensor(oneHot(model, problem.y), [...targetShape(model, problem.y)]);
      const { type, lr } = task.optimizer;
      const optimizer = type === "adam" ? tf.train.adam(lr, 0.9, 0.999, 1e-8) : tf.train.sgd(lr);
      const all = [...weights.values()];
      const loss = (): tf.Scalar => {
        const outputs = forward<tf.Tensor>(model, tensorflowLayers, x, (name) => weights.get(name)!, { rectifies });
        return model.loss === "crossEntropy"
          ? tf.losses.softmaxCrossEntropy(y, outputs)
          : tf.sum(tf.square(tf.sub(outputs, y)));
      };
      let last: tf.Scalar | null = null;
      let value = Number.NaN;
      return {
        async run(n) {
          for (let i = 0; i < n; i++) {
            last?.dispose();
            last = optimizer.minimize(loss, true, all);
          }
          value = (await last!.data())[0]!;
        },
        async state() {
          return { loss: value, weights: await Promise.all(all.map(channelsFirst)) };
        },
        dispose: () => tf.dispose([...all, x, y, ...(last ? [last] : [])]),
      };
    },
    async multiply({ form, M, N }, a, b) {
      const [ta, tb] = [toTensor(a) as tf.Tensor2D, toTensor(b) as tf.Tensor2D];
      const once = () => tf.matMul(ta, tb, form === "TN" || form === "outer", form === "NT");
      return repeated(once, [ta, tb], [M, N]);
    },
    async convolve(task, { x, w, y }) {
      const [tx, tw, ty] = [toTensor(x) as tf.Tensor4D, toTensor(w) as tf.Tensor4D, toTensor(y) as tf.Tensor4D];
      const filter = { strides: [1, 1], pad: "same", dataFormat: "NHWC", filterShape: tw.shape };
      const once = {
        forward: () => tf.conv2d(tx, tw, 1, "same"),
        input: () => tf.conv2dTranspose(ty, tw, tx.shape, 1, "same"),
        // What its gradients call; it has no public name.
        weight: () => tf.engine().runKernel("Conv2DBackpropFilter", { x: tx, dy: ty }, filter) as tf.Tensor,
      }[task.form];
      const shape = { forward: y, input: x, weight: w }[task.form].shape;
      return repeated(once, [tx, tw, ty], shape);
    },
    async attend(task, { qkv, dy }) {
      const { steps, heads, d } = task;
      const operands = [...apart(qkv, task, true), ...apart(dy, task, true)].map((data) =>
        tf.tensor(data, [heads, steps, d], "float32"),
      );
      const gradients = tf.grads(attend);
      const once = () => gradients(operands.slice(0, 3), operands[3]);
      return repeated(once, operands, (parts) => together(parts, task, true));
    },
  };
}

/** Causal attention of heads that lie first, as two products with a softmax between: its own has no gradient. */
function attend(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): tf.Tensor {
  const [, steps, d] = q.shape as [number, number, number];
  return tf.matMul(tf.softmax(causal(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(d)), steps)), v);
}

/** A function of resident tensors, of which only the last values are read: one of a shape, or what is made of all. */
function repeated(
  of: () => tf.Tensor | tf.Tensor[],
  operands: readonly tf.Tensor[],
  result: Shape | ((values: readonly Float32Array[]) => NdArray),
): ResultSession {
  const once = (): tf.Tensor[] => [tf.tidy(of)].flat();
  let values = once();
  return {
    async run(n) {
      for (let i = 0; i < n; i++) {
        tf.dispose(values);
        values = once();
      }
      for (const value of values) {
        const corner = tf.slice(value, value.shape.map(() => 0), value.shape.map(() => 1)); // biome-ignore format: pair
        await corner.data();
        corner.dispose();
      }
    },
    async result() {
      const read = await Promise.all(values.map(channelsFirst));
      return typeof result === "function" ? result(read) : ndarray(result, "f32", read[0]!);
    },
    dispose: () => tf.dispose([...operands, ...values]),
  };
}

async function openWasm(): Promise<void> {
  const [wasm, plain, simd, threaded] = await Promise.all([
    import("@tensorflow/tfjs-backend-wasm"),
    import("@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url"),
    import("@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url"),
    import("@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url"),
  ]);
  const at = (url: string): string => new URL(url, location.href).href;
  wasm.setWasmPaths({
    "tfjs-backend-wasm.wasm": at(plain.default),
    "tfjs-backend-wasm-simd.wasm": at(simd.default),
    "tfjs-backend-wasm-threaded-simd.wasm": at(threaded.default),
  });
}

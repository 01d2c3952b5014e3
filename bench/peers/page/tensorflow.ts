import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { ndarray } from "../../../src/core/ndarray.ts";
import type { TrainingTask } from "../tasks.ts";
import type { Contestant } from "./contestant.ts";

/**
 * TensorFlow.js, core API. Variables, a train.Optimizer and minimize(), which computes the gradients and applies them;
 * tidy() and dispose() free what a step makes; nothing is read back but one loss at the end of a sample. WebAssembly
 * has SIMD, and threads since the page is cross-origin isolated. Its fused matMul (product, bias and rectifier in one
 * kernel, with gradients of its own) is what its layers API uses too.
 */
export async function openTensorflow(device: "webgpu" | "wasm"): Promise<Contestant> {
  if (device === "webgpu") await import("@tensorflow/tfjs-backend-webgpu");
  else await openWasm();
  if (!(await tf.setBackend(device))) throw new Error(`TensorFlow.js has no backend ${device} here`);
  await tf.ready();
  return {
    description: `TensorFlow.js ${tf.version_core}, ${device}`,
    async train(task, problem) {
      const shapes = [...problem.weights.values()];
      const weights = shapes.map((w) => tf.variable(tf.tensor(w.data, [...w.shape], "float32")));
      const x = tf.tensor2d(problem.x.data as Float32Array, problem.x.shape as [number, number], "float32");
      const y = targets(task, problem.y.data);
      const { type, lr } = task.optimizer;
      const optimizer = type === "adam" ? tf.train.adam(lr, 0.9, 0.999, 1e-8) : tf.train.sgd(lr);
      const loss = (): tf.Scalar => {
        const outputs = forward(task, weights, x);
        return task.loss === "crossEntropy"
          ? tf.losses.softmaxCrossEntropy(y, outputs)
          : tf.sum(tf.square(tf.sub(outputs, y)));
      };
      let last: tf.Scalar | null = null;
      let value = Number.NaN;
      return {
        async run(n) {
          for (let i = 0; i < n; i++) {
            last?.dispose();
            last = optimizer.minimize(loss, true, weights);
          }
          value = (await last!.data())[0]!;
        },
        async state() {
          return { loss: value, weights: await Promise.all(weights.map((w) => w.data())) };
        },
        dispose: () => tf.dispose([...weights, x, y, ...(last ? [last] : [])]),
      };
    },
    async multiply({ form, M, N }, a, b) {
      const ta = tf.tensor2d(a.data as Float32Array, a.shape as [number, number], "float32");
      const tb = tf.tensor2d(b.data as Float32Array, b.shape as [number, number], "float32");
      const transposeA = form === "TN" || form === "outer";
      const once = (): tf.Tensor2D => tf.matMul(ta, tb, transposeA, form === "NT");
      let c = once();
      return {
        async run(n) {
          for (let i = 0; i < n; i++) {
            c.dispose();
            c = once();
          }
          const corner = tf.slice(c, [0, 0], [1, 1]);
          await corner.data();
          corner.dispose();
        },
        result: async () => ndarray([M, N], "f32", await c.data()),
        dispose: () => tf.dispose([ta, tb, c]),
      };
    },
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

function targets(task: TrainingTask, y: ArrayLike<number>): tf.Tensor2D {
  const outputs = task.widths.at(-1)!;
  if (task.loss === "sumSquaredError") return tf.tensor2d(Float32Array.from(y), [task.batch, outputs]);
  return tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(Int32Array.from(y), "int32"), outputs), "float32") as tf.Tensor2D);
}

function forward(task: TrainingTask, weights: readonly tf.Variable[], x: tf.Tensor2D): tf.Tensor2D {
  const layers = task.widths.length - 1;
  let value = x;
  for (let l = 0; l < layers; l++) {
    const a = value;
    if (task.bias) {
      const activation = l < layers - 1 ? "relu" : "linear";
      const bias = weights[2 * l + 1]!;
      value = tf.fused.matMul({ a, b: weights[2 * l]!, bias, activation }) as tf.Tensor2D;
    } else value = tf.matMul(a, weights[l] as unknown as tf.Tensor2D);
  }
  return value;
}

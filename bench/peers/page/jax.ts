import {
  blockUntilReady,
  defaultDevice,
  grad,
  init,
  type Array as JaxArray,
  jit,
  lax,
  nn,
  numpy as np,
  valueAndGrad,
} from "@jax-js/jax";
import { paddingOf } from "../../../src/bench/convolution-problem.ts";
import { type NdArray, ndarray, type Shape } from "../../../src/core/ndarray.ts";
import { parameterSpecs } from "../../../src/nn/parameter-specs.ts";
import { apart, together } from "../attention.ts";
import { inputShape, oneHot, targetShape } from "../problem.ts";
import type { TrainingTask } from "../tasks.ts";
import type { Contestant, ResultSession } from "./contestant.ts";
import { jaxLayers } from "./jax-layers.ts";
import { forward } from "./layers.ts";

/** What a step takes and gives back: weights, both moments, and the powers of beta that correct their bias. */
type State = { weights: JaxArray[]; m: JaxArray[]; v: JaxArray[]; beta1: JaxArray; beta2: JaxArray };

/**
 * jax-js is lazy: a product that is given up before it was dispatched is never computed. So every product is asked to
 * become ready, and is freed when it is; this many are under way, so that the device never waits for the page.
 */
const IN_FLIGHT = 8;

/**
 * jax-js: the whole step (forward, gradient, Adam) is one jitted function of the state. Arrays that are passed without
 * `.ref` are given away, so every step frees the state that it replaces. Nothing is read back but one loss at the end.
 */
export async function openJax(device: "webgpu" | "wasm"): Promise<Contestant> {
  const devices = await init(device);
  if (!devices.includes(device)) throw new Error(`jax-js has no device ${device} here`);
  defaultDevice(device);
  return {
    description: `jax-js, ${device}`,
    async train(task, problem) {
      const put = (data: ArrayLike<number>, shape: readonly number[]): JaxArray =>
        np.array(Float32Array.from(data)).reshape([...shape]);
      const values = [...problem.weights.values()];
      const zeros = (): JaxArray[] => values.map((w) => np.zeros([...w.shape]));
      let state: State = {
        weights: values.map((w) => put(w.data, w.shape)),
        m: zeros(),
        v: zeros(),
        beta1: np.ones([]),
        beta2: np.ones([]),
      };
      const shape = [task.batch, ...inputShape(task.model, problem.x)];
      const tokens = problem.x.dtype === "i32";
      const x = tokens ? np.array(Int32Array.from(problem.x.data)).reshape(shape) : put(problem.x.data, shape);
      const y = put(oneHot(task.model, problem.y), targetShape(task.model, problem.y));
      const step = jit(stepOf(task));
      let last: JaxArray | null = null;
      let value = Number.NaN;
      return {
        async run(n) {
          for (let i = 0; i < n; i++) {
            last?.dispose();
            [state, last] = step(state, x.ref, y.ref) as [State, JaxArray];
          }
          value = (await last!.ref.data())[0]!;
          // On threads the loss is there before the way back and the update, which whoever is timed next would wait for.
          if (device === "wasm") await blockUntilReady(state);
        },
        async state() {
          return {
            loss: value,
            weights: await Promise.all(state.weights.map((w) => w.ref.data() as Promise<Float32Array>)),
          };
        },
        dispose() {
          for (const a of [...state.weights, ...state.m, ...state.v, state.beta1, state.beta2, x, y]) a.dispose();
          last?.dispose();
          step.dispose();
        },
      };
    },
    async multiply({ form, M, N }, a, b) {
      const product = (p: JaxArray, q: JaxArray) =>
        np.matmul(form === "TN" || form === "outer" ? np.transpose(p) : p, form === "NT" ? np.transpose(q) : q);
      return repeated(product, [a, b], [M, N]);
    },
    async convolve(task, { x, w, y }) {
      const p = paddingOf(task);
      const convolve = (a: JaxArray, k: JaxArray): JaxArray => lax.convGeneralDilated(a, k, [1, 1], [[p, p], [p, p]]); // biome-ignore format: pairs
      const against = (d: JaxArray, value: JaxArray): JaxArray => value.mul(d).sum();
      switch (task.form) {
        case "forward":
          return repeated(convolve, [x, w], y.shape);
        case "input":
          return repeated((d, k, at) => grad((a: JaxArray) => against(d, convolve(a, k)))(at), [y, w, x], x.shape);
        case "weight":
          return repeated((a, d, at) => grad((k: JaxArray) => against(d, convolve(a, k)))(at), [x, y, w], w.shape);
      }
    },
    async attend(task, { qkv, dy }) {
      const shape = [1, task.steps, task.heads, task.d];
      const arrays = [...apart(qkv, task), ...apart(dy, task)].map((data) => ndarray(shape, "f32", data));
      const loss = (q: JaxArray, k: JaxArray, v: JaxArray, d: JaxArray): JaxArray =>
        nn.dotProductAttention(q, k, v, { isCausal: true }).mul(d).sum();
      const gradients = grad(loss, { argnums: [0, 1, 2] }) as (...values: JaxArray[]) => JaxArray[];
      return repeated(gradients, arrays, (parts) => together(parts, task));
    },
  };
}

/** A function of resident arrays, jitted, of which only the last values are read: one of a shape, or what is made of all. */
function repeated(
  of: (a: JaxArray, b: JaxArray, c: JaxArray, d: JaxArray) => JaxArray | JaxArray[],
  operands: readonly NdArray[],
  result: Shape | ((values: readonly Float32Array[]) => NdArray),
): ResultSession {
  const arrays = operands.map((o) => np.array(o.data as Float32Array<ArrayBuffer>).reshape([...o.shape]));
  const jitted = jit(of as (...values: JaxArray[]) => JaxArray | JaxArray[]);
  const once = (): JaxArray[] => [jitted(...arrays.map((a) => a.ref)) as JaxArray | JaxArray[]].flat();
  let values = once();
  return {
    async run(n) {
      const flying: { made: JaxArray[]; ready: Promise<unknown> }[] = [];
      const land = async (): Promise<void> => {
        const { made, ready } = flying.shift()!;
        await ready;
        for (const array of made) array.dispose();
      };
      for (let i = 0; i < n; i++) {
        flying.push({ made: values, ready: Promise.all(values.map((array) => array.blockUntilReady())) });
        if (flying.length > IN_FLIGHT) await land();
        values = once();
      }
      while (flying.length > 0) await land();
      for (const array of values) await array.ref.ravel().slice([0, 1]).data();
    },
    async result() {
      const read = await Promise.all(values.map((array) => array.ref.data() as Promise<Float32Array>));
      return typeof result === "function" ? result(read) : ndarray(result, "f32", read[0]!);
    },
    dispose() {
      for (const array of [...arrays, ...values]) array.dispose();
      jitted.dispose();
    },
  };
}

function stepOf(task: TrainingTask): (state: State, x: JaxArray, y: JaxArray) => [State, JaxArray] {
  const { type, lr } = task.optimizer;
  const gradient = valueAndGrad((weights: JaxArray[], x: JaxArray, y: JaxArray) => lossOf(task, weights, x, y));
  return (state, x, y) => {
    const [loss, grads] = gradient(
      state.weights.map((w) => w.ref),
      x,
      y,
    ) as [JaxArray, JaxArray[]];
    if (type === "sgd") {
      const weights = state.weights.map((w, i) => w.sub(grads[i]!.mul(lr)));
      return [{ ...state, weights }, loss];
    }
    const beta1 = state.beta1.mul(0.9);
    const beta2 = state.beta2.mul(0.999);
    const m = state.m.map((mi, i) => mi.mul(0.9).add(grads[i]!.ref.mul(0.1)));
    const v = state.v.map((vi, i) => vi.mul(0.999).add(np.square(grads[i]!).mul(0.001)));
    const c1 = np.array(1).sub(beta1.ref);
    const c2 = np.array(1).sub(beta2.ref);
    const weights = state.weights.map((w, i) => {
      const size = np.sqrt(v[i]!.ref.div(c2.ref)).add(1e-8);
      return w.sub(m[i]!.ref.div(c1.ref).mul(lr).div(size));
    });
    c1.dispose();
    c2.dispose();
    return [{ weights, m, v, beta1, beta2 }, loss];
  };
}

function lossOf({ model }: TrainingTask, weights: JaxArray[], x: JaxArray, y: JaxArray): JaxArray {
  const byName = new Map(parameterSpecs(model).map(({ name }, i) => [name, weights[i]!]));
  const share = (v: JaxArray, left: number): JaxArray => (left > 1 ? v.ref : v);
  const value = forward(model, jaxLayers, x, (name) => byName.get(name)!, { share });
  if (model.loss === "sumSquaredError") return np.square(value.sub(y)).sum();
  const places = y.shape.slice(0, -1).reduce((a, b) => a * b, 1);
  return nn
    .logSoftmax(value, -1)
    .mul(y)
    .sum()
    .mul(-1 / places);
}

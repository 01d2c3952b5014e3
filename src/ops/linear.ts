import { ChainruleError } from "../core/errors.ts";
import { type TensorSpec, wrongShapes } from "../graph/graph.ts";
import type { Op, OpCase } from "../graph/op.ts";
import { activationError, epilogueOf } from "./activation.ts";
import { activations } from "./activations.ts";
import { matmulKernels } from "./matmul-kernels.ts";
import { product, productBound, productSpec } from "./matmul-reference.ts";
import { input, output } from "./plan.ts";
import { boundLike, errorAt, U } from "./rounding.ts";
import { float, partsOf, productPlan } from "./wasm-plan.ts";

export interface LinearAttrs {
  /** Name of the activation, or null. */
  readonly activation: string | null;
  readonly alpha: number;
}

/**
 * y = activation(x w + b): a whole layer in one kernel. The fusion pass makes it out of matmul, addBias and
 * activation; it appears after differentiation, so it needs no gradient of its own.
 */
export const linear: Op<LinearAttrs> = {
  name: "linear",
  infer(inputs, attrs) {
    const y = productSpec(linear, "NN", inputs);
    if (inputs[2] && inputs[2].shape[0] !== y.shape[1]) wrongShapes(linear, inputs, "a bias as wide as the result");
    specOf(attrs);
    return [y];
  },
  reference([x, w, b], attrs) {
    const y = product("NN", x!, w!);
    const spec = specOf(attrs);
    const N = y.shape[1]!;
    for (let i = 0; i < y.data.length; i++) {
      const z = y.data[i]! + (b ? b.data[i % N]! : 0);
      y.data[i] = spec ? spec.fn(z, attrs.alpha) : z;
    }
    return [y];
  },
  wasm(inputs, [y], { activation, alpha }) {
    const plan = productPlan("NN", inputs);
    const [M, N] = y!.shape as readonly [number, number];
    const parts = partsOf(M * N);
    const calls = [...plan.calls];
    if (inputs[2]) calls.push({ fn: "addBias", args: [output(0), input(2), output(0), M, N], parts });
    if (activation) calls.push({ fn: activation, args: [output(0), output(0), M * N, float(alpha)], parts });
    return { ...plan, calls };
  },
  gradient: "none",
  kernels: matmulKernels("linear", {
    form: () => "NN",
    epilogue: (attrs: LinearAttrs, inputs: readonly TensorSpec[]) => {
      const spec = specOf(attrs);
      return { bias: inputs.length > 2, activation: spec ? epilogueOf(spec) : null };
    },
    alpha: (attrs: LinearAttrs) => attrs.alpha,
  }),
  bound([x, w, b], errors, [y], attrs) {
    const z = product("NN", x!, w!);
    const sums = productBound("NN", [x!, w!], errors, z);
    const out = boundLike(y!);
    const spec = specOf(attrs);
    const N = z.shape[1]!;
    for (let i = 0; i < out.data.length; i++) {
      const at = z.data[i]! + (b ? b.data[i % N]! : 0);
      const e = sums.data[i]! + errorAt(errors[2], i % N) + 2 * U * Math.abs(at);
      out.data[i] = spec ? activationError(spec, at, e, attrs.alpha) : e;
    }
    return [out];
  },
  cases: [
    linearCase(1, 4, 4, true, "relu"),
    linearCase(5, 7, 3, true, null),
    linearCase(33, 65, 18, true, "tanh"),
    linearCase(64, 64, 32, false, "sigmoid"),
    linearCase(40, 20, 36, true, "leakyRelu"),
    linearCase(68, 132, 64, true, "relu"),
    linearCase(16, 16, 16, true, "elu"),
  ],
};

function specOf(attrs: LinearAttrs) {
  if (attrs.activation === null) return null;
  const found = activations[attrs.activation];
  if (!found) throw new ChainruleError("model", `linear: there is no activation "${attrs.activation}"`);
  return found.spec;
}

function linearCase(M: number, N: number, K: number, bias: boolean, activation: string | null): OpCase<LinearAttrs> {
  const spec = (shape: readonly number[]) => ({ shape, dtype: "f32" as const });
  return {
    name: `${M}x${N}x${K} ${bias ? "bias" : "no bias"} ${activation ?? "identity"}`,
    inputs: bias ? [spec([M, K]), spec([K, N]), spec([N])] : [spec([M, K]), spec([K, N])],
    attrs: { activation, alpha: activation ? (activations[activation]?.spec.defaultAlpha ?? 0) : 0 },
  };
}

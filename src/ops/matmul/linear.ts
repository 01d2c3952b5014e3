import { NO_EPILOGUE } from "../../../shaders/matmul/common.ts";
import { ChainruleError } from "../../core/errors.ts";
import { sizeOf } from "../../core/ndarray.ts";
import type { Op, WasmCall } from "../../graph/op.ts";
import { derivativeOf, epilogueOf } from "../elementwise/activation.ts";
import { activations } from "../elementwise/activations.ts";
import { composed, type Part, type Ref } from "../shared/composed.ts";
import { input, output } from "../shared/dispatch-plan.ts";
import { flatCall, float, productPlan } from "../shared/wasm-plan.ts";
import { addBias, sumRows } from "./bias.ts";
import { matmulKernels } from "./kernels.ts";
import { matmul, transposeMatmul } from "./matmul.ts";
import { productTrial } from "./trial.ts";

export interface LinearAttrs {
  /** Name of the activation, or null. */
  readonly activation: string | null;
  readonly alpha: number;
}

/** y = activation(x w + b), from x, w and perhaps b: a whole layer in one kernel. */
export const linear: Op<LinearAttrs> = composed({
  name: "linear",
  trial: productTrial(() => "NN"),
  body({ activation, alpha }, inputs) {
    const parts: Part[] = [{ op: matmul, attrs: null, inputs: [{ input: 0 }, { input: 1 }] }];
    const last = (): Ref => ({ part: parts.length - 1 });
    if (inputs > 2) parts.push({ op: addBias, attrs: null, inputs: [last(), { input: 2 }] });
    if (activation !== null)
      parts.push({ op: activationNamed(activation).forward, attrs: { alpha }, inputs: [last()] });
    return { parts, outputs: [last()] };
  },
  // Bias and activation work in place: nothing lies in between.
  wasm({ activation, alpha }, inputs, y) {
    const [product, act] = [productPlan("NN", inputs), activation && activationNamed(activation).forward];
    if (act && !act.wasm) return null;
    const inPlace = (fn: string, args: WasmCall["args"]): WasmCall => flatCall(fn, args, y).calls[0]!;
    const here = output(0);
    const calls = [
      ...product.calls,
      ...(inputs.length > 2 ? [inPlace("addBias", [here, input(2), here, ...y.shape])] : []),
      ...(activation ? [inPlace(activation, [here, here, sizeOf(y.shape), float(alpha)])] : []),
    ];
    return { ...product, calls };
  },
  kernels: matmulKernels("linear", {
    form: () => "NN",
    epilogue: ({ activation }, inputs) => ({
      ...NO_EPILOGUE,
      bias: inputs.length > 2,
      activation: activation === null ? null : epilogueOf(activationNamed(activation).spec),
    }),
    alpha: ({ alpha }) => alpha,
  }),
});

/** dx = (dy wT) f'(v), from dy, w and v: back through a layer and the activation before it, in one kernel. */
export const linearInputGradient: Op<LinearAttrs> = composed({
  name: "linearInputGradient",
  trial: productTrial(() => "NT"),
  body: ({ activation, alpha }) => ({
    parts: [
      { op: transposeMatmul, attrs: { transpose: "b" }, inputs: [{ input: 0 }, { input: 1 }] },
      { op: activationNamed(activation!).backward, attrs: { alpha }, inputs: [{ part: 0 }, { input: 2 }] },
    ],
    outputs: [{ part: 1 }],
  }),
  kernels: matmulKernels("linearInputGradient", {
    form: () => "NT",
    epilogue: ({ activation }) => ({ ...NO_EPILOGUE, derivative: derivativeOf(activationNamed(activation!).spec) }),
    alpha: ({ alpha }) => alpha,
  }),
});

/** dw = xT dy and db, the sums of dy's columns, from x and dy: both gradients of a layer in one kernel. */
export const linearWeightGradient: Op<null> = composed({
  name: "linearWeightGradient",
  trial: productTrial(() => "TN"),
  body: () => ({
    parts: [
      { op: transposeMatmul, attrs: { transpose: "a" }, inputs: [{ input: 0 }, { input: 1 }] },
      { op: sumRows, attrs: null, inputs: [{ input: 1 }] },
    ],
    outputs: [{ part: 0 }, { part: 1 }],
  }),
  kernels: matmulKernels<null>("linearWeightGradient", {
    form: () => "TN",
    epilogue: () => ({ ...NO_EPILOGUE, columnSums: true }),
    alpha: () => 0,
  }).filter(({ name }) => !/\/row/.test(name)),
});

function activationNamed(name: string): (typeof activations)[string] {
  const found = activations[name];
  if (!found) throw new ChainruleError("model", `linear: there is no activation "${name}"`);
  return found;
}

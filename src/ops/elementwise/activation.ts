import { finiteTests } from "../../../shaders/common.ts";
import {
  activationFunction,
  derivativeFunction,
  elementwiseForward,
  elementwiseGradient,
  elementwiseParams,
} from "../../../shaders/elementwise/elementwise.ts";
import { float as floatText } from "../../../shaders/params.ts";
import { type NdArray, sizeOf } from "../../core/ndarray.ts";
import type { ChipWriter } from "../../graph/chip.ts";
import { expectSame, type TensorSpec } from "../../graph/graph.ts";
import type { Kernel, Op } from "../../graph/op.ts";
import { COST, elementwise } from "../shared/chip.ts";
import { flatLaunch, flatWindows, inFours, input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { flatCall, float } from "../shared/wasm-plan.ts";

/** The one number an activation may have: leakyRelu's slope, elu's alpha. */
export interface ActivationAttrs {
  /** 0 for activations that take no number. */
  readonly alpha: number;
}

/** All that is known of an activation function. From this both ops, their kernels and a matmul epilogue are made. */
export interface ActivationSpec {
  /** As in model files and messages. */
  readonly name: string;
  /** f(x). */
  readonly fn: (x: number, alpha: number) => number;
  /** Derivative as a function of the input ("x") or of the output ("y"), as `of` says. */
  readonly dfn: (v: number, alpha: number) => number;
  /** What the derivative is a function of. */
  readonly of: "x" | "y";
  /** WGSL functions it needs, and expressions in `x` (in `x` or `y` for the gradient) and `alpha`, the number. */
  readonly includes: readonly string[];
  /** The value in WGSL, in `x` and `alpha`. */
  readonly wgsl: string;
  /** The derivative in WGSL, in `x` or `y`, as `of` says, and `alpha`. */
  readonly wgslGradient: string;
  /** Error of a right f32 evaluation relative to the result, in units of u, at x (forward) and at v (gradient). */
  readonly rounding: (x: number) => number;
  /** The same for the derivative at v, an input or an output, as `of` says. */
  readonly gradientRounding: (v: number) => number;
  /** Absolute error of the derivative that does not shrink with it, in units of u. */
  readonly gradientFloor?: number;
  /** `alpha` where a layer names none, and in the checks. Default 0. */
  readonly defaultAlpha?: number;
  /** Absolute error of the result that does not shrink with it, in units of u. */
  readonly floor?: number;
  /** As of ops. */
  readonly arrange?: Op<null>["arrange"];
  /** False where wasm/ has no kernel of this name: there the reference stands in. */
  readonly inWasm?: boolean;
}

/** An activation as two ops: add `forward` to a graph, and its gradient rule adds `backward`. */
export interface Activation {
  /** What both are made of. */
  readonly spec: ActivationSpec;
  /** y = f(x), element by element, for x of any shape. */
  readonly forward: Op<ActivationAttrs>;
  /** dx = dy times the derivative at the input or the output, as `spec.of` says: takes dy and that value. */
  readonly backward: Op<ActivationAttrs>;
}

/** exp in WGSL is within 3 + 2|x| ulp; an ulp is at most 2 u. */
export const expRounding = (x: number): number => 2 * (3 + 2 * Math.min(Math.abs(x), 88));

/** Its name in the kernel for whole steps, where a name of WGSL's own must not be taken. */
const chipName = ({ name, inWasm }: ActivationSpec): string => (inWasm === false ? `custom_${name}` : name);

export function activation(spec: ActivationSpec): Activation {
  const backward = gradientOp(spec);
  const forward: Op<ActivationAttrs> = {
    name: spec.name,
    infer: (inputs) => [{ shape: inputs[0]!.shape, dtype: "f32" }],
    reference: ([x], { alpha }) => [valuesOf(spec, alpha)(x!)],
    ...(spec.inWasm !== false && {
      wasm: (_inputs, [y], { alpha }) => flatCall(spec.name, [input(0), output(0), sizeOf(y!.shape), float(alpha)], y!),
    }),
    ...(spec.arrange && { arrange: spec.arrange }),
    gradient: (g, { inputs: [x], outputs: [y], attrs }, [dy]) => [
      g.one(backward, [dy!, spec.of === "x" ? x! : y!], attrs, `d ${x!.name}`),
    ],
    kernels: [flatKernel(`${spec.name}/flat`, [0], (four) => elementwiseForward(spec.includes, spec.wgsl, four))],
    onChip(w, [x], [y], { alpha }) {
      declare(w, spec, activationFunction(spec.wgsl, chipName(spec)));
      elementwise(w, y!, (i) => `${chipName(spec)}(${x!.at(i)}, ${floatText(alpha)})`, COST.function);
    },
    proof: { family: "activationProof", of: spec },
  };
  return { spec, forward, backward };
}

function gradientOp(spec: ActivationSpec): Op<ActivationAttrs> {
  const op: Op<ActivationAttrs> = {
    name: `${spec.name}Gradient`,
    infer(inputs) {
      expectSame(op, inputs);
      return [{ shape: inputs[0]!.shape, dtype: "f32" }];
    },
    reference([dy, v], { alpha }) {
      const dx = floatLike(dy!, dy!.shape);
      for (let i = 0; i < dx.data.length; i++) dx.data[i] = dy!.data[i]! * spec.dfn(v!.data[i]!, alpha);
      return [dx];
    },
    ...(spec.inWasm !== false && {
      wasm: (_inputs, [dx], { alpha }) =>
        flatCall(`${spec.name}Gradient`, [input(0), input(1), output(0), sizeOf(dx!.shape), float(alpha)], dx!),
    }),
    gradient: "none",
    kernels: [
      flatKernel(`${spec.name}Gradient/flat`, [0, 1], (four) =>
        elementwiseGradient(spec.includes, spec.wgslGradient, spec.of, four),
      ),
    ],
    onChip(w, [dy, v], [dx], { alpha }) {
      const name = `${chipName(spec)}Gradient`;
      declare(w, spec, derivativeFunction(spec.wgslGradient, spec.of, name));
      elementwise(w, dx!, (i) => `${dy!.at(i)} * ${name}(${v!.at(i)}, ${floatText(alpha)})`, COST.function);
    },
    proof: { family: "activationGradientProof", of: spec },
  };
  return op;
}

function declare(w: ChipWriter, { includes }: ActivationSpec, text: string): void {
  for (const part of [finiteTests, ...includes, text]) w.declare(part);
}

/** A kernel whose arrays all have the output's size, in windows where they are too large to bind. */
function flatKernel(
  name: string,
  indices: readonly number[],
  code: (four: boolean) => string,
): Kernel<ActivationAttrs> {
  return {
    name,
    plan: (_inputs, outputs: readonly TensorSpec[], { alpha }, caps) => {
      const size = outputs[0]!.shape.reduce((a, b) => a * b, 1);
      return flatWindows(size, caps, (window, count) => {
        const bindings = [...indices.map((i) => window(input(i))), window(output(0))];
        const [four, units] = inFours(count);
        return flatLaunch(code(four), elementwiseParams.pack({ size: units, alpha }), bindings, units, caps);
      });
    },
  };
}

/** The activation in plain arithmetic. Inputs of cases that are to be its output go through it too. */
export function valuesOf(spec: ActivationSpec, alpha: number = spec.defaultAlpha ?? 0): (x: NdArray) => NdArray {
  return (x) => {
    const y = floatLike(x, x.shape);
    for (let i = 0; i < y.data.length; i++) y.data[i] = spec.fn(x.data[i]!, alpha);
    return y;
  };
}

/** The activation as a matmul epilogue: the same WGSL as its own kernel. */
export function epilogueOf(spec: ActivationSpec): string {
  return spec.includes.join("") + activationFunction(spec.wgsl);
}

/** The derivative as a matmul epilogue. */
export function derivativeOf(spec: ActivationSpec): string {
  return spec.includes.join("") + derivativeFunction(spec.wgslGradient, spec.of);
}

import {
  lossFunction,
  lossGradient,
  lossParams,
  lossPartials,
  lossWithGradient,
  lossWithGradientParams,
} from "../../../shaders/loss/elementwise-loss.ts";
import { float as floatText } from "../../../shaders/params.ts";
import { MAX_PARTIALS, REDUCE_WORKGROUP, total, totalParams } from "../../../shaders/reduce.ts";
import { sizeOf } from "../../core/ndarray.ts";
import type { ChipWriter } from "../../graph/chip.ts";
import { expectSame } from "../../graph/graph.ts";
import type { Kernel, KernelPlan, Launch, Op } from "../../graph/op.ts";
import { elementwise } from "../shared/chip.ts";
import { composed } from "../shared/composed.ts";
import { flatLaunch, inFours, input, output, scratch } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { call, flatCall, float } from "../shared/wasm-plan.ts";

/** A loss that is a sum or mean of term(p, t) over predictions and targets of one shape. */
export interface ElementwiseLossSpec {
  readonly name: string;
  readonly mean: boolean;
  readonly term: (p: number, t: number) => number;
  /** d term / d p */
  readonly slope: (p: number, t: number) => number;
  readonly includes: readonly string[];
  /** Expressions in p and t. */
  readonly wgsl: string;
  readonly wgslSlope: string;
  /** Errors in units of u, relative to the magnitudes. */
  readonly rounding: number;
  readonly slopeRounding: number;
  /** Size of what is added up inside a term; the sizes of p and t (or their squares) by default. */
  readonly magnitude?: (p: number, t: number) => number;
  readonly slopeMagnitude?: (p: number, t: number) => number;
  readonly targets?: "unit";
}

export interface ElementwiseLoss {
  readonly forward: Op<null>;
  readonly backward: Op<null>;
  /** Loss and gradient in one pass, from predictions, targets and dloss. */
  readonly withGradient: Op<null>;
}

export const partialGroups = (size: number): number => Math.min(MAX_PARTIALS, Math.ceil(size / (4 * REDUCE_WORKGROUP)));

/** What a sum over so many elements is multiplied by. */
export const scaleOf = (spec: ElementwiseLossSpec, size: number): number => (spec.mean ? 1 / size : 1);

export function elementwiseLoss(spec: ElementwiseLossSpec): ElementwiseLoss {
  const backward: Op<null> = {
    name: `${spec.name}Gradient`,
    infer(inputs) {
      expectSame(backward, inputs.slice(0, 2));
      return [{ shape: inputs[0]!.shape, dtype: "f32" }];
    },
    reference([p, t, dloss]) {
      const dp = floatLike(p!, p!.shape);
      const scale = scaleOf(spec, p!.data.length) * dloss!.data[0]!;
      for (let i = 0; i < dp.data.length; i++) dp.data[i] = spec.slope(p!.data[i]!, t!.data[i]!) * scale;
      return [dp];
    },
    wasm([p]) {
      const size = sizeOf(p!.shape);
      const args = [input(0), input(1), input(2), output(0), size, float(scaleOf(spec, size))];
      return flatCall(`${spec.name}Gradient`, args, p!);
    },
    gradient: "none",
    kernels: [
      {
        name: `${spec.name}Gradient/flat`,
        plan([p], _o, _a, caps) {
          const size = sizeOf(p!.shape);
          const [four, units] = inFours(size);
          const params = lossParams.pack({ size: units, stride: 0, scale: scaleOf(spec, size) });
          const code = lossGradient(spec.includes, spec.wgslSlope, four);
          return { launches: [flatLaunch(code, params, [input(0), input(1), input(2), output(0)], units, caps)] };
        },
      },
    ],
    onChip(w, [p, t, dloss], [dp]) {
      const slope = declare(w, spec, "Slope", spec.wgslSlope);
      const scale = `${floatText(scaleOf(spec, sizeOf(p!.shape)))} * ${dloss!.at(0)}`;
      elementwise(w, dp!, (i) => `${slope}(${p!.at(i)}, ${t!.at(i)}) * ${scale}`);
    },
    proof: { family: "lossGradientProof", of: spec },
  };

  const forward: Op<null> = {
    name: spec.name,
    infer(inputs) {
      expectSame(forward, inputs);
      return [{ shape: [1], dtype: "f32" }];
    },
    reference([p, t]) {
      let sum = 0;
      for (let i = 0; i < p!.data.length; i++) sum += spec.term(p!.data[i]!, t!.data[i]!);
      const y = floatLike(p!, [1]);
      y.data[0] = sum * scaleOf(spec, p!.data.length);
      return [y];
    },
    wasm([p]) {
      const size = sizeOf(p!.shape);
      return call(spec.name, [input(0), input(1), output(0), size, float(scaleOf(spec, size))]);
    },
    lossPair: () => ({ backward, withGradient }),
    gradient: (g, { inputs: [p, t] }, [dloss]) => [g.one(backward, [p!, t!, dloss!], null, `d ${p!.name}`), null],
    kernels: [
      {
        name: `${spec.name}/partials`,
        plan([p]) {
          const size = sizeOf(p!.shape);
          const groups = partialGroups(size);
          const [four, units] = inFours(size);
          const params = lossParams.pack({ size: units, stride: groups * REDUCE_WORKGROUP, scale: 1 });
          const bindings = [input(0), input(1), scratch(0, "read_write")];
          const code = lossPartials(spec.includes, spec.wgsl, four);
          return sumOfPartials({ code, params, bindings, workgroups: [groups, 1, 1] }, groups, scaleOf(spec, size));
        },
      },
    ],
    onChip(w, [p, t], [y]) {
      const size = sizeOf(p!.shape);
      const term = declare(w, spec, "Term", spec.wgsl);
      const sum = w.total([[0, size]], (i, partial) => w.add(`${partial} += ${term}(${p!.at(i)}, ${t!.at(i)});`));
      w.once(() => w.add(`${y!.at(0)} = ${sum} * ${floatText(scaleOf(spec, size))};`));
    },
    proof: { family: "lossProof", of: spec },
  };
  const withGradient = composed<null>({
    name: `${spec.name}WithGradient`,
    body: () => ({
      parts: [
        { op: forward, attrs: null, inputs: [{ input: 0 }, { input: 1 }] },
        { op: backward, attrs: null, inputs: [{ input: 0 }, { input: 1 }, { input: 2 }] },
      ],
      outputs: [{ part: 0 }, { part: 1 }],
    }),
    kernels: [bothKernel(spec, false), bothKernel(spec, true)],
    cases: { family: "lossGradientProof", of: spec },
  });
  return { forward, backward, withGradient };
}

/** Declares one of the loss's two functions; returns its name. */
function declare(w: ChipWriter, spec: ElementwiseLossSpec, part: "Term" | "Slope", expression: string): string {
  const name = `${spec.name}${part}`;
  for (const text of [...spec.includes, lossFunction(name, expression)]) w.declare(text);
  return name;
}

/** Elements that one workgroup takes by itself. */
export const ALONE_SIZE = 4096;

function bothKernel(spec: ElementwiseLossSpec, alone: boolean): Kernel<null> {
  return {
    name: `${spec.name}WithGradient/${alone ? "alone" : "partials"}`,
    plan([p]) {
      const size = sizeOf(p!.shape);
      if (alone && size > ALONE_SIZE) return null;
      const groups = alone ? 1 : partialGroups(size);
      const scale = scaleOf(spec, size);
      const [four, units] = inFours(size);
      const launch: Launch = {
        code: lossWithGradient(spec.includes, spec.wgsl, spec.wgslSlope, four),
        params: lossWithGradientParams.pack({
          size: units,
          stride: groups * REDUCE_WORKGROUP,
          scale,
          total: alone ? scale : 1,
        }),
        bindings: [input(0), input(1), input(2), alone ? output(0) : scratch(0, "read_write"), output(1)],
        workgroups: [groups, 1, 1],
      };
      return alone ? { launches: [launch] } : sumOfPartials(launch, groups, scale);
    },
  };
}

/** A launch that leaves partial sums in scratch, and the one that adds them up. */
function sumOfPartials(launch: Launch, count: number, scale: number): KernelPlan {
  const params = totalParams.pack({ count, scale });
  const sum: Launch = { code: total(), params, bindings: [scratch(0, "read"), output(0)], workgroups: [1, 1, 1] };
  return { scratch: [{ shape: [count], dtype: "f32" }], launches: [launch, sum] };
}

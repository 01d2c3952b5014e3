import {
  type OptimizerStep,
  optimizer,
  optimizerParams,
  ownRates,
  RATE_BLOCK,
  updateNumbers,
  updateOne,
} from "../../../shaders/step/optimizer.ts";
import { CONTROL } from "../../../shaders/step/step.ts";
import { type NdArray, sizeOf } from "../../core/ndarray.ts";
import { index } from "../../graph/chip.ts";
import { expectSame, wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { constants } from "../shared/chip.ts";
import { flatLaunch, flatWindows, input, output } from "../shared/dispatch-plan.ts";
import { call, float, partsOf } from "../shared/wasm-plan.ts";

/** Hyperparameters of all optimizers; each reads its own. PyTorch's names and defaults. */
export interface OptimizerAttrs {
  /** sgd and rmsprop: share of the last update that stays, in [0, 1). Default 0. */
  readonly momentum: number;
  /** sgd: looks ahead along the momentum. Default false. */
  readonly nesterov: boolean;
  /** Pulls weights towards 0: added to the gradient, with adamw to the weight itself. Default 0, of adamw 0.01. */
  readonly weightDecay: number;
  /** adam and adamw: how much of the mean gradient stays, in [0, 1). Default 0.9. */
  readonly beta1: number;
  /** adam and adamw: how much of the mean square stays, in [0, 1). Default 0.999. */
  readonly beta2: number;
  /** rmsprop: how much of the mean square stays, in [0, 1). Default 0.99. */
  readonly alpha: number;
  /** Added to the root of the mean square, above 0. Default 1e-8, of adagrad 1e-10. */
  readonly eps: number;
}

/** One optimizer: what it remembers, its kernel, and its update in plain arithmetic. */
export interface OptimizerRule {
  readonly name: string;
  /** Number of state arrays beside the parameters. */
  states(a: OptimizerAttrs): number;
  /** Its WGSL, for one parameter. */
  step(a: OptimizerAttrs): OptimizerStep;
  /** Its kernel in wasm/optimizers.ts. */
  wasm(a: OptimizerAttrs): string;
  /** How much of each state stays from one step to the next. */
  keep(a: OptimizerAttrs): { keep1: number; keep2: number };
  /** New parameter from p, clipped gradient g, states s (updated in place at i). */
  update(p: number, g: number, s: readonly NdArray[], i: number, lr: number, c: NdArray, a: OptimizerAttrs): number;
}

export { RATE_BLOCK };

/** An op that also tells how many state arrays it wants. */
export interface OptimizerOp extends Op<OptimizerAttrs> {
  states(a: OptimizerAttrs): number;
}

/** States and rates out of the inputs behind the first three. */
export const apart = <T>(rule: OptimizerRule, rest: readonly T[], a: OptimizerAttrs) => {
  const count = rule.states(a);
  return { s: rest.slice(0, count), rates: rest[count] };
};
/** The rate and the attributes of element i. */
export const ratesAt = (
  rates: NdArray | undefined,
  i: number,
  lr: number,
  a: OptimizerAttrs,
): [number, OptimizerAttrs] => {
  if (!rates) return [lr, a];
  const block = 2 * Math.floor(i / RATE_BLOCK);
  return [lr * rates.data[block]!, { ...a, weightDecay: a.weightDecay * rates.data[block + 1]! }];
};

/**
 * parameters (and states) in place, from the flat gradient and control. Inputs: parameters, gradients, control,
 * states..., and perhaps rates [blocks, 2], factors of the learning rate and the weight decay of each block of
 * parameters; one dispatch over all parameters.
 */
export function optimizerOp(rule: OptimizerRule): OptimizerOp {
  const paramsOf = (size: number, a: OptimizerAttrs, firstBlock = 0) => {
    const { keep1, keep2 } = rule.keep(a);
    const { weightDecay, eps } = a;
    return { size, weightDecay, keep1, add1: 1 - keep1, keep2, add2: 1 - keep2, eps, firstBlock };
  };
  const op: OptimizerOp = {
    states: rule.states,
    name: rule.name,
    infer(inputs, a) {
      const { s, rates } = apart(rule, inputs.slice(3), a);
      expectSame(op, [inputs[0]!, inputs[1]!, ...s]);
      const blocks = Math.ceil(sizeOf(inputs[0]!.shape) / RATE_BLOCK);
      if (rates && rates.shape[0] !== blocks)
        wrongShapes(op, inputs, `rates [${blocks}, 2] for the parameters' blocks`);
      return [inputs[0]!, ...s].map(({ shape }) => ({ shape, dtype: "f32" }));
    },
    reference([p, g, c, ...rest], a) {
      const { s, rates } = apart(rule, rest, a);
      const result = [p!, ...s];
      if (c!.data[CONTROL.gate] === 0) return result;
      const lr = c!.data[CONTROL.lr]!;
      const clip = c!.data[CONTROL.clip]!;
      for (let i = 0; i < p!.data.length; i++) {
        const [rate, own] = ratesAt(rates, i, lr, a);
        p!.data[i] = rule.update(p!.data[i]!, g!.data[i]! * clip, s, i, rate, c!, own);
      }
      return result;
    },
    wasm(inputs, _outputs, a) {
      const size = sizeOf(inputs[0]!.shape);
      const { keep1, keep2 } = rule.keep(a);
      const states = [0, 1].map((k) => (k < rule.states(a) ? output(1 + k) : 0));
      const floats = [a.weightDecay, keep1, 1 - keep1, keep2, 1 - keep2, a.eps].map(float);
      const rates = inputs.length > 3 + rule.states(a) ? input(inputs.length - 1) : 0;
      return call(rule.wasm(a), [output(0), input(1), input(2), ...states, size, ...floats, rates], partsOf(size));
    },
    gradient: "none",
    // Where a packed gradient has nothing, the parameters have no parameter.
    onChip(w, [, g, c, ...rest], [p, ...s], a) {
      const { rates } = apart(rule, rest, a);
      constants(w, "OptimizerParams", optimizerParams, paramsOf(sizeOf(p!.shape), a));
      w.add(updateNumbers(c!.at));
      // A choice for each parameter, not a branch around all of them, which would take a compiler long.
      w.add(`let open = ${c!.at(CONTROL.gate)} != 0.0;`);
      const step = rule.step(a);
      w.eachOf(g!, (i) => {
        const states = s.map((state) => state.at(i));
        if (rates) {
          const block = w.name(index.times(index.over(i, RATE_BLOCK), 2));
          w.add(ownRates(rates.at(block), rates.at(index.plus(block, 1))), 2);
        }
        w.add(updateOne(step, p!.at(i), g!.at(i), states, "open"), 4);
      });
    },
    inPlace: Array.from({ length: 3 }, (_, i) => [i, i === 0 ? 0 : i + 2] as const),
    kernels: [
      {
        name: `${rule.name}/flat`,
        plan(inputs, _o, a, caps) {
          const size = inputs[0]!.shape[0]!;
          const count = rule.states(a);
          const vector = size % 4 === 0;
          const rates = inputs.length > 3 + count;
          const code = optimizer(rule.step(a), vector, rates);
          return flatWindows(size, caps, (window, n, start) => {
            const items = vector ? n / 4 : n;
            const bindings = [window(output(0)), window(input(1)), input(2)];
            for (let k = 0; k < count; k++) bindings.push(window(output(1 + k)));
            if (rates) bindings.push(input(3 + count));
            const params = optimizerParams.pack(paramsOf(items, a, start / RATE_BLOCK));
            return flatLaunch(code, params, bindings, items, caps);
          });
        },
      },
    ],
    proof: { family: "optimizerProof", of: rule },
  };
  return op;
}

export const optimizerDefaults: OptimizerAttrs = {
  momentum: 0,
  nesterov: false,
  weightDecay: 0,
  beta1: 0.9,
  beta2: 0.999,
  alpha: 0.99,
  eps: 1e-8,
};

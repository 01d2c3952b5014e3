import {
  adagrad as adagradStep,
  adam as adamStep,
  rmsprop as rmspropStep,
  sgd as sgdStep,
} from "../../../shaders/step/optimizer.ts";
import { CONTROL } from "../../../shaders/step/step.ts";
import type { OptimizerName } from "../names.ts";
import { optimizerOp } from "./optimizer-op.ts";

/** PyTorch's definitions (torch.optim, 1.13 and later). Each `update` is the step of one parameter. */

export const sgd = optimizerOp({
  name: "sgd",
  states: (a) => (a.momentum > 0 ? 1 : 0),
  step: (a) => sgdStep(a.momentum > 0, a.nesterov),
  wasm: (a) => (a.momentum === 0 ? "sgd" : a.nesterov ? "sgdNesterov" : "sgdMomentum"),
  keep: (a) => ({ keep1: a.momentum, keep2: 0 }),
  update(p, g, s, i, lr, _c, a) {
    g += a.weightDecay * p;
    if (a.momentum > 0) {
      const buffer = a.momentum * s[0]!.data[i]! + g;
      s[0]!.data[i] = buffer;
      g = a.nesterov ? g + a.momentum * buffer : buffer;
    }
    return p - lr * g;
  },
});

const adamRule = (name: string, decoupled: boolean) => ({
  name,
  states: () => 2,
  step: () => adamStep(decoupled),
  wasm: () => name,
  keep: (a: { beta1: number; beta2: number }) => ({ keep1: a.beta1, keep2: a.beta2 }),
});

export const adam = optimizerOp({
  ...adamRule("adam", false),
  update: (p, g, s, i, lr, c, a) => adamUpdate(p, g + a.weightDecay * p, s, i, lr, c, a),
});

/** Weight decay apart from the gradient. */
export const adamw = optimizerOp({
  ...adamRule("adamw", true),
  update: (p, g, s, i, lr, c, a) => adamUpdate(p * (1 - lr * a.weightDecay), g, s, i, lr, c, a),
});

type Update = Parameters<typeof optimizerOp>[0]["update"];

const adamUpdate: Update = (p, g, s, i, lr, c, a) => {
  const m = a.beta1 * s[0]!.data[i]! + (1 - a.beta1) * g;
  const v = a.beta2 * s[1]!.data[i]! + (1 - a.beta2) * g * g;
  s[0]!.data[i] = m;
  s[1]!.data[i] = v;
  const correction1 = c.data[CONTROL.correction1]!;
  const correction2 = c.data[CONTROL.correction2]!;
  return p - ((lr / correction1) * m) / (Math.sqrt(v / correction2) + a.eps);
};

export const rmsprop = optimizerOp({
  name: "rmsprop",
  states: (a) => (a.momentum > 0 ? 2 : 1),
  step: (a) => rmspropStep(a.momentum > 0),
  wasm: (a) => (a.momentum > 0 ? "rmspropMomentum" : "rmsprop"),
  keep: (a) => ({ keep1: a.alpha, keep2: a.momentum }),
  update(p, g, s, i, lr, _c, a) {
    g += a.weightDecay * p;
    const v = a.alpha * s[0]!.data[i]! + (1 - a.alpha) * g * g;
    s[0]!.data[i] = v;
    const step = g / (Math.sqrt(v) + a.eps);
    if (a.momentum === 0) return p - lr * step;
    const buffer = a.momentum * s[1]!.data[i]! + step;
    s[1]!.data[i] = buffer;
    return p - lr * buffer;
  },
});

export const adagrad = optimizerOp({
  name: "adagrad",
  states: () => 1,
  step: () => adagradStep(),
  wasm: () => "adagrad",
  keep: () => ({ keep1: 1, keep2: 0 }),
  update(p, g, s, i, lr, _c, a) {
    g += a.weightDecay * p;
    const sum = s[0]!.data[i]! + g * g;
    s[0]!.data[i] = sum;
    return p - (lr * g) / (Math.sqrt(sum) + a.eps);
  },
});

/** By name, as on the command line. */
export const optimizers = { sgd, adam, adamw, rmsprop, adagrad } as const satisfies Record<OptimizerName, unknown>;

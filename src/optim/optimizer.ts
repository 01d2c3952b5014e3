import { ChainruleError } from "../core/errors.ts";
import { zeros } from "../core/ndarray.ts";
import type { Graph, Tensor } from "../graph/graph.ts";
import type { OptimizerName } from "../ops/names.ts";
import { type OptimizerAttrs, optimizerDefaults } from "../ops/optimizer-op.ts";
import { optimizers } from "../ops/optimizers.ts";

/** An optimizer and its settings; what is absent has PyTorch's default. */
export interface OptimizerSpec extends Partial<OptimizerAttrs> {
  /** Its name. */
  readonly type: OptimizerName;
  /** Learning rate, above 0; schedules start from it. */
  readonly lr: number;
}

/** PyTorch's defaults where they differ from one optimizer to another. */
const special: Partial<Record<OptimizerName, Partial<OptimizerAttrs>>> = {
  adamw: { weightDecay: 0.01 },
  adagrad: { eps: 1e-10 },
};

/** Settings with defaults filled in. Throws on what cannot be meant. */
export function optimizerAttrs(spec: OptimizerSpec): OptimizerAttrs {
  if (!Object.hasOwn(optimizers, spec.type)) {
    throw new ChainruleError(
      "usage",
      `unknown optimizer "${spec.type}"; known are ${Object.keys(optimizers).join(", ")}`,
    );
  }
  const { type, lr, ...given } = spec;
  const attrs = { ...optimizerDefaults, ...special[type], ...given };
  positive("lr", lr);
  within("momentum", attrs.momentum, 0, 1);
  within("beta1", attrs.beta1, 0, 1);
  within("beta2", attrs.beta2, 0, 1);
  within("alpha", attrs.alpha, 0, 1);
  within("weightDecay", attrs.weightDecay, 0, Number.POSITIVE_INFINITY);
  positive("eps", attrs.eps);
  if (attrs.nesterov && !(attrs.momentum > 0)) throw new ChainruleError("usage", "nesterov needs a momentum above 0");
  if (attrs.momentum > 0 && type !== "sgd" && type !== "rmsprop") {
    throw new ChainruleError("usage", `momentum is for sgd and rmsprop; ${type} has none`);
  }
  return attrs;
}

/** Adds the update of one flat array of parameters; creates its states. Returns the states. */
export function addUpdate(
  g: Graph,
  spec: OptimizerSpec,
  parameters: Tensor,
  gradients: Tensor,
  control: Tensor,
): readonly Tensor[] {
  const attrs = optimizerAttrs(spec);
  const op = optimizers[spec.type];
  const states = Array.from({ length: op.states(attrs) }, (_, i) =>
    g.variable(`${parameters.name}: ${spec.type} state ${i + 1}`, zeros(parameters.shape, "f32")),
  );
  g.add(op, [parameters, gradients, control, ...states], attrs, `new ${parameters.name}`);
  return states;
}

function positive(name: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value))) {
    throw new ChainruleError("usage", `${name} must be a positive number, got ${value}`);
  }
}

function within(name: string, value: number, low: number, high: number): void {
  if (!(value >= low && value < high)) {
    throw new ChainruleError("usage", `${name} must be at least ${low} and below ${high}, got ${value}`);
  }
}

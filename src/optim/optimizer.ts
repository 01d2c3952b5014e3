import { requireKnownFields } from "../core/arguments.ts";
import { ChainruleError } from "../core/errors.ts";
import { type NdArray, zeros } from "../core/ndarray.ts";
import type { Graph, Tensor } from "../graph/graph.ts";
import type { OptimizerName } from "../ops/names.ts";
import { type OptimizerAttrs, optimizerDefaults } from "../ops/step/optimizer-op.ts";
import { optimizers } from "../ops/step/optimizers.ts";

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
  requireKnownFields("optimizer", spec, ["type", "lr", ...Object.keys(optimizerDefaults)]);
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

/** What an update leaves: the parameters after it, and what the optimizer remembers. */
export interface Update {
  readonly updated: Tensor;
  readonly states: readonly Tensor[];
}

/**
 * Adds the update of one flat array of parameters; creates its states. `rates` [blocks, 2] are factors of the learning
 * rate and the weight decay of each block of RATE_BLOCK elements.
 */
export function addUpdate(
  g: Graph,
  spec: OptimizerSpec,
  parameters: Tensor,
  gradients: Tensor,
  control: Tensor,
  rates: NdArray | null = null,
): Update {
  const attrs = optimizerAttrs(spec);
  const op = optimizers[spec.type];
  const states = Array.from({ length: op.states(attrs) }, (_, i) =>
    g.variable(`${parameters.name}: ${spec.type} state ${i + 1}`, zeros(parameters.shape, "f32")),
  );
  const own = rates ? [g.variable(`rates of ${parameters.name}`, rates)] : [];
  const [updated] = g.add(op, [parameters, gradients, control, ...states, ...own], attrs, `new ${parameters.name}`);
  return { updated: updated!, states };
}

/** A moving average of the weights, kept beside them. */
export interface AverageSpec {
  /** How much of the average stays from one step to the next: 0.999, say. It begins at the first weights. */
  readonly decay: number;
}

/** Adds the average of one flat array of parameters. Returns it; it is a variable. */
export async function addAverage(
  g: Graph,
  spec: AverageSpec,
  parameters: Tensor,
  updated: Tensor,
  control: Tensor,
): Promise<Tensor> {
  const { movingAverage } = await import("../ops/lazy.ts");
  const average = g.variable(`average of ${parameters.name}`, parameters.initial!);
  g.add(movingAverage, [average, updated, control], { decay: spec.decay }, `new ${average.name}`);
  return average;
}

/** Throws on a decay that cannot be meant. */
export function checkAverage(spec: AverageSpec | null): void {
  if (!spec) return;
  requireKnownFields("ema", spec, ["decay"]);
  within("ema: decay", spec.decay, 0, 1);
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

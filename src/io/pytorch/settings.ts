import type { OptimizerName } from "../../ops/names.ts";
import { type OptimizerSpec, optimizerAttrs } from "../../optim/optimizer.ts";
import { type ScheduleSpec, scheduleAttrs } from "../../optim/schedule.ts";
import { torchOptimizers } from "./names.ts";

/** What torch.optim calls an optimizer's arrays, in the order of TrainerState.moments. */
export function momentNames(optimizer: OptimizerSpec): readonly string[] {
  const { momentum } = optimizerAttrs(optimizer);
  const buffer = momentum > 0 ? ["momentum_buffer"] : [];
  const names: Readonly<Record<OptimizerName, readonly string[]>> = {
    sgd: buffer,
    adam: ["exp_avg", "exp_avg_sq"],
    adamw: ["exp_avg", "exp_avg_sq"],
    rmsprop: ["square_avg", ...buffer],
    adagrad: ["sum"],
  };
  return names[optimizer.type];
}

/** The optimizer as a call; `apart` where each parameter has a rate and a decay of its own. */
export function optimizerCall(spec: OptimizerSpec, apart: boolean): string {
  const a = optimizerAttrs(spec);
  const settings: Readonly<Record<OptimizerName, readonly string[]>> = {
    sgd: [`momentum=${a.momentum}`, ...(a.nesterov ? ["nesterov=True"] : [])],
    adam: [`betas=(${a.beta1}, ${a.beta2})`, `eps=${a.eps}`],
    adamw: [`betas=(${a.beta1}, ${a.beta2})`, `eps=${a.eps}`],
    rmsprop: [`alpha=${a.alpha}`, `eps=${a.eps}`, `momentum=${a.momentum}`],
    adagrad: [`eps=${a.eps}`],
  };
  const all = [
    apart ? "groups" : "parameters",
    "lr=LR",
    ...settings[spec.type],
    ...(apart ? [] : [`weight_decay=${a.weightDecay}`]),
  ];
  return `torch.optim.${torchOptimizers[spec.type]}(${all.join(", ")})`;
}

/** The body of learning_rate(step). */
export function rateBody(schedule: ScheduleSpec, lr: number): string {
  const { warmup, period, gamma, floor } = scheduleAttrs(schedule, lr);
  const warm =
    warmup > 0 ? [`if step < ${warmup}:`, `    return LR * (step + 1) / ${warmup}`, `step -= ${warmup}`] : [];
  const then = {
    constant: ["return LR"],
    step: [`return LR * ${gamma} ** (step // ${period})`],
    cosine: [
      `along = min(step, ${period}) / ${period}`,
      `return ${floor} + (LR - ${floor}) * 0.5 * (1 + math.cos(math.pi * along))`,
    ],
    exponential: [`return LR * ${gamma} ** (min(step, ${period}) / ${period})`],
  }[schedule.type];
  return [...warm, ...then].map((line) => `    ${line}`).join("\n");
}

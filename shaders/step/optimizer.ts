import { type Element, element, flatMain, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";
import { CONTROL } from "./step.ts";

export const optimizerParams = paramBlock({
  size: "u32",
  weightDecay: "f32",
  /** momentum, beta1 or alpha: how much of the first state stays. */
  keep1: "f32",
  add1: "f32",
  keep2: "f32",
  add2: "f32",
  eps: "f32",
  /** First block of the rates that this launch is about. */
  firstBlock: "u32",
});

/**
 * Elements of a block that shares its rates: parameters begin at multiples of so many. rates [blocks, 2] are factors of
 * the learning rate and of the weight decay.
 */
export const RATE_BLOCK = 64;

/** The numbers of a block, in place of those of the whole step, in a scope inside theirs. */
export const ownRates = (lr: string, weightDecay: string): string =>
  `let lr = lr * ${lr}; let weightDecay = weightDecay * ${weightDecay};`;

/** The update of one parameter: what an optimizer remembers of it, and the step. */
export interface OptimizerStep {
  readonly states: 0 | 1 | 2;
  /**
   * Reads g (clipped gradient), p (parameter), the states s1, s2 and the numbers of the step, all of one type; assigns
   * p and the states. PyTorch's definitions: torch.optim, 1.13 and later.
   */
  readonly body: string;
}

const stateNames = ({ states }: OptimizerStep): readonly string[] => ["s1", "s2"].slice(0, states);

/** The numbers that every parameter's update takes: of the step, and the hyperparameters, as f32 or vec4<f32>. */
export const updateNumbers = (control: Element, type: "f32" | "vec4<f32>" = "f32"): string => {
  const ofStep = (["lr", "clip", "correction1", "correction2"] as const).map((k) => [k, control(CONTROL[k])] as const);
  const fixed = ["weightDecay", "keep1", "add1", "keep2", "add2", "eps"].map((k) => [k, `params.${k}`] as const);
  return [...ofStep, ...fixed].map(([name, value]) => `  let ${name} = ${type}(${value});`).join("\n");
};

/** Takes one parameter through the step, where `open` says so; `states` say where s1 and s2 lie. */
export function updateOne(
  step: OptimizerStep,
  p: string,
  g: string,
  states: readonly string[],
  open: string | null = null,
): string {
  const set = (place: string, value: string): string =>
    `  ${place} = ${open === null ? value : `select(${place}, ${value}, ${open})`};`;
  const names = stateNames(step);
  return `  var p = ${p};
  var g = ${g} * clip;
${names.map((s, k) => `  var ${s} = ${states[k]};`).join("\n")}
${step.body}
${[set(p, "p"), ...names.map((s, k) => set(states[k]!, s))].join("\n")}`;
}

/** The kernel over flat arrays: an invocation takes one parameter, or four where sizes allow it (params.size counts those). */
export function optimizer(step: OptimizerStep, vector: boolean, rates = false): string {
  const names = stateNames(step).map((s) => `${s}s`);
  const type = vector ? "vec4<f32>" : "f32";
  const states = names.map((s) => write(s, type));
  return wgsl`
${optimizerParams.wgsl}
${storage(write("parameters", type), read("gradients", type), read("control"), ...states, ...(rates ? [read("rates")] : []))}
${flatMain(wgsl`
  if (control[${CONTROL.gate}] == 0.0) { return; }
${updateNumbers(element("control"), type)}
#if ${rates}
  {
  let block = 2u * (params.firstBlock + i / ${RATE_BLOCK / (vector ? 4 : 1)}u);
  ${ownRates("rates[block]", "rates[block + 1u]")}
#endif
${updateOne(
  step,
  "parameters[i]",
  "gradients[i]",
  names.map((s) => `${s}[i]`),
)}
#if ${rates}
  }
#endif
`)}
`;
}

export const sgd = (momentum: boolean, nesterov: boolean): OptimizerStep => ({
  states: momentum ? 1 : 0,
  body: wgsl`
  g = fma(weightDecay, p, g);
#if ${momentum}
  s1 = fma(keep1, s1, g);
#if ${nesterov}
  g = fma(keep1, s1, g);
#else
  g = s1;
#endif
#endif
  p = fma(-lr, g, p);
`,
});

/** `decoupled`: AdamW. */
export const adam = (decoupled: boolean): OptimizerStep => ({
  states: 2,
  body: wgsl`
#if ${decoupled}
  p = fma(-lr * weightDecay, p, p);
#else
  g = fma(weightDecay, p, g);
#endif
  s1 = fma(keep1, s1, add1 * g);
  s2 = fma(keep2, s2, add2 * g * g);
  let root = sqrt(s2 / correction2) + eps;
  p = fma(-lr / correction1, s1 / root, p);
`,
});

export const rmsprop = (momentum: boolean): OptimizerStep => ({
  states: momentum ? 2 : 1,
  body: wgsl`
  g = fma(weightDecay, p, g);
  s1 = fma(keep1, s1, add1 * g * g);
  let step = g / (sqrt(s1) + eps);
#if ${momentum}
  s2 = fma(keep2, s2, step);
  p = fma(-lr, s2, p);
#else
  p = fma(-lr, step, p);
#endif
`,
});

export const adagrad = (): OptimizerStep => ({
  states: 1,
  body: wgsl`
  g = fma(weightDecay, p, g);
  s1 = fma(g, g, s1);
  p = fma(-lr, g / (sqrt(s1) + eps), p);
`,
});

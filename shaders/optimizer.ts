import { type Element, element, flatMain, read, storage, write } from "./common.ts";
import { paramBlock } from "./params.ts";
import { CONTROL } from "./step.ts";
import { wgsl } from "./wgsl.ts";

export const optimizerParams = paramBlock({
  size: "u32",
  weightDecay: "f32",
  /** momentum, beta1 or alpha: how much of the first state stays. */
  keep1: "f32",
  add1: "f32",
  keep2: "f32",
  add2: "f32",
  eps: "f32",
});

/** The update of one parameter: what an optimizer remembers of it, and the step. */
export interface OptimizerStep {
  readonly states: 0 | 1 | 2;
  /**
   * Reads g (clipped gradient), p (parameter), lr, correction1, correction2 and the states s1, s2; assigns p and the
   * states. PyTorch's definitions: torch.optim, 1.13 and later.
   */
  readonly body: string;
}

const stateNames = ({ states }: OptimizerStep): readonly string[] => ["s1", "s2"].slice(0, states);

/** What every parameter's update takes from the numbers of the step. */
export const updateNumbers = (control: Element): string => wgsl`
  let lr = ${control(CONTROL.lr)};
  let clip = ${control(CONTROL.clip)};
  let correction1 = ${control(CONTROL.correction1)};
  let correction2 = ${control(CONTROL.correction2)};
`;

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

/** The kernel over a flat array: one invocation, one parameter. */
export function optimizer(step: OptimizerStep): string {
  const names = stateNames(step).map((s) => `${s}s`);
  return wgsl`
${optimizerParams.wgsl}
${storage(write("parameters"), read("gradients"), read("control"), ...names.map((s) => write(s)))}
${flatMain(wgsl`
  if (control[${CONTROL.gate}] == 0.0) { return; }
${updateNumbers(element("control"))}
${updateOne(
  step,
  "parameters[i]",
  "gradients[i]",
  names.map((s) => `${s}[i]`),
)}
`)}
`;
}

export const sgd = (momentum: boolean, nesterov: boolean): OptimizerStep => ({
  states: momentum ? 1 : 0,
  body: wgsl`
  g = fma(params.weightDecay, p, g);
#if ${momentum}
  s1 = fma(params.keep1, s1, g);
#if ${nesterov}
  g = fma(params.keep1, s1, g);
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
  p = fma(-lr * params.weightDecay, p, p);
#else
  g = fma(params.weightDecay, p, g);
#endif
  s1 = fma(params.keep1, s1, params.add1 * g);
  s2 = fma(params.keep2, s2, params.add2 * g * g);
  let root = sqrt(s2 / correction2) + params.eps;
  p = fma(-lr / correction1, s1 / root, p);
`,
});

export const rmsprop = (momentum: boolean): OptimizerStep => ({
  states: momentum ? 2 : 1,
  body: wgsl`
  g = fma(params.weightDecay, p, g);
  s1 = fma(params.keep1, s1, params.add1 * g * g);
  let step = g / (sqrt(s1) + params.eps);
#if ${momentum}
  s2 = fma(params.keep2, s2, step);
  p = fma(-lr, s2, p);
#else
  p = fma(-lr, step, p);
#endif
`,
});

export const adagrad = (): OptimizerStep => ({
  states: 1,
  body: wgsl`
  g = fma(params.weightDecay, p, g);
  s1 = fma(g, g, s1);
  p = fma(-lr, g / (sqrt(s1) + params.eps), p);
`,
});

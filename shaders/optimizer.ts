import { flatMain, read, storage, write } from "./common.ts";
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

/**
 * One invocation, one parameter. `body` reads g (clipped gradient), p (parameter), lr and the states s1, s2,
 * and assigns the new values. PyTorch's definitions: torch.optim, 1.13 and later.
 */
function optimizer(states: 0 | 1 | 2, body: string): string {
  const names = ["s1", "s2"].slice(0, states);
  return wgsl`
${optimizerParams.wgsl}
${storage(write("parameters"), read("gradients"), read("control"), ...names.map((s) => write(`${s}s`)))}
${flatMain(wgsl`
  if (control[${CONTROL.gate}] == 0.0) { return; }
  let lr = control[${CONTROL.lr}];
  var p = parameters[i];
  var g = gradients[i] * control[${CONTROL.clip}];
${names.map((s) => `  var ${s} = ${s}s[i];`).join("\n")}
${body}
  parameters[i] = p;
${names.map((s) => `  ${s}s[i] = ${s};`).join("\n")}
`)}
`;
}

export const sgd = (momentum: boolean, nesterov: boolean): string =>
  optimizer(
    momentum ? 1 : 0,
    wgsl`
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
  );

/** `decoupled`: AdamW. */
export const adam = (decoupled: boolean): string =>
  optimizer(
    2,
    wgsl`
#if ${decoupled}
  p = fma(-lr * params.weightDecay, p, p);
#else
  g = fma(params.weightDecay, p, g);
#endif
  s1 = fma(params.keep1, s1, params.add1 * g);
  s2 = fma(params.keep2, s2, params.add2 * g * g);
  let root = sqrt(s2 / control[${CONTROL.correction2}]) + params.eps;
  p = fma(-lr / control[${CONTROL.correction1}], s1 / root, p);
`,
  );

export const rmsprop = (momentum: boolean): string =>
  optimizer(
    momentum ? 2 : 1,
    wgsl`
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
  );

export const adagrad = (): string =>
  optimizer(
    1,
    wgsl`
  g = fma(params.weightDecay, p, g);
  s1 = fma(g, g, s1);
  p = fma(-lr, g / (sqrt(s1) + params.eps), p);
`,
  );

import { batchNormAlone, batchNormGradientAlone } from "../../../shaders/norm/batch-norm.ts";
import { channelNumbers, channelParams } from "../../../shaders/norm/channels.ts";
import { ROW_WORKGROUP } from "../../../shaders/norm/rows.ts";
import { sizeOf } from "../../core/ndarray.ts";

import { type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { Binding, DeviceCaps, Launch, Op } from "../../graph/op.ts";
import { grid, input, output, scratch } from "../shared/dispatch-plan.ts";

import { call, float, partsOf } from "../shared/wasm-plan.ts";
import { batchNormGradientOnChip, batchNormOnChip } from "./batch-norm-chip.ts";
import { channelLayout, channelsOf } from "./channels.ts";
import { normalise, normaliseGradient, scaleGradients } from "./norm-layout.ts";
import { type BatchNormAttrs, momentumNumber, moveRunning, runningLaunch } from "./running.ts";

/** One launch with a workgroup a channel of x; `extra` is epsilon. */
function channelLaunch(
  code: string,
  x: TensorSpec,
  extra: number,
  bindings: readonly Binding[],
  caps: DeviceCaps,
): Launch {
  const { n, channels, places } = channelsOf(x.shape);
  const params = channelParams.pack({ ...channelNumbers(n, channels, places, ROW_WORKGROUP), extra });
  return { code, params, bindings, workgroups: grid(channels, caps) };
}

/** Parts of a call over x whose parts are channels. */
const channelParts = (x: TensorSpec): number => Math.min(channelsOf(x.shape).channels, partsOf(sizeOf(x.shape)));

/**
 * y of x's shape [n, c, ...places], normalised by the mean and the biased variance of each channel in this batch; mean [c]
 * and rstd [c], which the gradient uses; and running [2 c + 1] in place: means, unbiased variances, batches so far. A
 * batch whose statistics are not finite leaves running as it was. Inputs x, gamma [c], beta [c], running.
 */
export const batchNorm: Op<BatchNormAttrs> = {
  name: "batchNorm",
  infer(inputs) {
    const [x, gamma, beta, running] = inputs;
    const c = x?.shape[1];
    const fits =
      gamma?.shape.join() === `${c}` && beta?.shape.join() === `${c}` && running?.shape.join() === `${2 * c! + 1}`;
    if (inputs.length !== 4 || x!.shape.length < 2 || x!.shape.length > 4 || !fits) {
      wrongShapes(batchNorm, inputs, "x [n, c], [n, c, t] or [n, c, h, w], gamma [c], beta [c] and running [2 c + 1]");
    }
    const { count } = channelLayout(x!.shape);
    if (count < 2) {
      wrongShapes(
        batchNorm,
        inputs,
        "more than one value a channel, which is all there is to take a variance of: use a larger batch",
      );
    }
    const perChannel: TensorSpec = { shape: [c!], dtype: "f32" };
    return [{ shape: x!.shape, dtype: "f32" }, perChannel, perChannel, { shape: running!.shape, dtype: "f32" }];
  },
  reference(inputs, { eps, momentum }) {
    const layout = channelLayout(inputs[0]!.shape);
    const { y, mean, rstd, variance } = normalise(layout, inputs, eps);
    moveRunning(inputs[3]!, mean, variance, layout.count, momentum);
    return [y, mean, rstd, inputs[3]!];
  },
  wasm([x, gamma], _outputs, { eps, momentum }) {
    const { n, channels, places } = channelsOf(x!.shape);
    const squares = scratch(0, "read_write");
    const arrays = [...[0, 1, 2].map(input), ...[0, 1, 2].map(output), squares];
    const running = [output(1), squares, output(3), channels, n * places, float(momentumNumber(momentum))];
    return {
      scratch: [{ shape: gamma!.shape, dtype: "f32" }],
      calls: [
        { fn: "batchNorm", args: [...arrays, n, channels, places, float(eps)], parts: channelParts(x!) },
        { fn: "batchNormRunning", args: running },
      ],
    };
  },
  onChip: batchNormOnChip,
  gradient: (g, { inputs: [x, gamma], outputs: [, mean, rstd] }, [dy]) =>
    dy
      ? [...g.add(batchNormGradient, [dy, x!, gamma!, mean!, rstd!], null, `d ${x!.name}`), null]
      : [null, null, null, null],
  inPlace: [[3, 3]],
  kernels: [
    {
      name: "batchNorm/alone",
      plan([x, gamma], _o, { eps, momentum }, caps) {
        const squares = scratch(0, "read_write");
        const bindings = [...[0, 1, 2].map(input), ...[0, 1, 2].map(output), squares];
        return {
          scratch: [{ shape: gamma!.shape, dtype: "f32" }],
          launches: [channelLaunch(batchNormAlone(), x!, eps, bindings, caps), runningLaunch(x!, momentum)],
        };
      },
    },
  ],
};

/** dx of x's shape, dgamma [c] and dbeta [c] from dy, x, gamma, mean, rstd. */
export const batchNormGradient: Op<null> = {
  name: "batchNormGradient",
  infer(inputs) {
    const [dy, x, gamma, mean, rstd] = inputs;
    const fits = [gamma, mean, rstd].every((t) => t?.shape.join() === `${x!.shape[1]}`);
    if (!fits || dy!.shape.join() !== x!.shape.join()) {
      wrongShapes(batchNormGradient, inputs, "dy and x [n, c, ...places], gamma [c], mean [c] and rstd [c]");
    }
    const perChannel: TensorSpec = { shape: gamma!.shape, dtype: "f32" };
    return [{ shape: x!.shape, dtype: "f32" }, perChannel, perChannel];
  },
  reference([dy, x, gamma, mean, rstd]) {
    const layout = channelLayout(x!.shape);
    const { dgamma, dbeta } = scaleGradients(layout, [dy!, x!, mean!, rstd!], layout.groups);
    return [normaliseGradient(layout, [dy!, x!, gamma!, mean!, rstd!]), dgamma, dbeta];
  },
  wasm([, x]) {
    const { n, channels, places } = channelsOf(x!.shape);
    const arrays = [...[0, 1, 2, 3, 4].map(input), ...[0, 1, 2].map(output)];
    return call("batchNormGradient", [...arrays, n, channels, places], channelParts(x!));
  },
  onChip: batchNormGradientOnChip,
  gradient: "none",
  kernels: [
    {
      name: "batchNormGradient/alone",
      plan([, x], _o, _a, caps) {
        const bindings = [...[0, 1, 2, 3, 4].map(input), ...[0, 1, 2].map(output)];
        return { launches: [channelLaunch(batchNormGradientAlone(), x!, 0, bindings, caps)] };
      },
    },
  ],
};

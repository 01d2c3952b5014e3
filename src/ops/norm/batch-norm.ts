import { batchNormInference as inferenceCode } from "../../../shaders/norm/batch-norm-sliced.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { input, output, scratch } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { call, flatCall, float, partsOf } from "../shared/wasm-plan.ts";
import { batchNormGradientOnChip, batchNormInferenceOnChip, batchNormOnChip } from "./batch-norm-chip.ts";
import {
  aloneForward,
  aloneGradient,
  imageOf,
  inputsOf,
  planeKernels,
  planeLaunches,
  slicedForward,
  slicedGradient,
  slicesSuit,
} from "./batch-norm-plans.ts";
import { channelLayout, channelsOf } from "./channels.ts";
import { normalise, normaliseGradient, scaleGradients } from "./norm-layout.ts";
import { widths } from "./row-plan.ts";
import { type BatchNormAttrs, momentumNumber, moveRunning } from "./running.ts";

/** Throws where inputs are not x, gamma, beta and running statistics that fit together. */
function expectChannels(op: { readonly name: string }, inputs: readonly TensorSpec[]): void {
  const [x, ...others] = inputs;
  const rank = x?.shape.length ?? 0;
  const c = x?.shape[1] ?? 0;
  if (rank < 2 || rank > 4 || others.map((t) => t.shape.join()).join(" ") !== `${c} ${c} ${2 * c + 1}`) {
    wrongShapes(op, inputs, "x [n, c], [n, c, t] or [n, c, h, w], gamma [c], beta [c] and running [2 c + 1]");
  }
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
    const [x, , , running] = inputs;
    expectChannels(batchNorm, inputs);
    const { count } = channelLayout(x!.shape);
    if (count < 2) {
      wrongShapes(
        batchNorm,
        inputs,
        "more than one value a channel, which is all there is to take a variance of: use a larger batch",
      );
    }
    const perChannel: TensorSpec = { shape: [x!.shape[1]!], dtype: "f32" };
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
  gradient: (g, { inputs: [x, gamma, beta], outputs: [, mean, rstd] }, [dy]) =>
    dy
      ? [
          ...g.add(
            batchNormGradient,
            [dy, x!, gamma!, mean!, rstd!],
            null,
            [x!, gamma!, beta!].map((t) => `d ${t.name}`),
          ),
          null,
        ]
      : [null, null, null, null],
  inPlace: [[3, 3]],
  kernels: [
    ...widths("batchNorm/alone", (width, [x], attrs: BatchNormAttrs, caps) => aloneForward(width, x!, attrs, caps)),
    {
      name: "batchNorm/sliced",
      plan: ([x], _o, attrs, caps) => slicedForward(x!, attrs, caps),
      suits: ([x], _a, caps) => slicesSuit(x!, caps),
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
    ...widths("batchNormGradient/alone", (width, [, x], _attrs: null, caps) => aloneGradient(width, x!, caps)),
    {
      name: "batchNormGradient/sliced",
      plan: ([, x], _o, _a, caps) => slicedGradient(x!, caps),
      suits: ([, x], _a, caps) => slicesSuit(x!, caps),
    },
  ],
};

/**
 * y of x's shape, normalised by running statistics [2 c + 1], as evaluation does; inputs as those of batchNorm. Training
 * never differentiates it, so it has no gradient, and a loss that depends on parameters through it is refused.
 */
export const batchNormInference: Op<{ readonly eps: number }> = {
  name: "batchNormInference",
  infer(inputs) {
    expectChannels(batchNormInference, inputs);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference([x, gamma, beta, running], { eps }) {
    const { groups, count, at } = channelLayout(x!.shape);
    const y = floatLike(x!, x!.shape);
    for (let c = 0; c < groups; c++) {
      const r = 1 / Math.sqrt(running!.data[groups + c]! + eps);
      for (let j = 0; j < count; j++) {
        y.data[at(c, j)] = (x!.data[at(c, j)]! - running!.data[c]!) * r * gamma!.data[c]! + beta!.data[c]!;
      }
    }
    return [y];
  },
  wasm([x], [y], { eps }) {
    const { n, channels, places } = channelsOf(x!.shape);
    return flatCall(
      "batchNormInference",
      [...[0, 1, 2, 3].map(input), output(0), n * channels, channels, places, float(eps)],
      y!,
    );
  },
  onChip: batchNormInferenceOnChip,
  gradient: "none",
  kernels: planeKernels("batchNormInference", (form, [x], { eps }, caps) =>
    planeLaunches(inferenceCode, form, x!, eps, [...inputsOf(x!, [0], [1, 2, 3]), [output(0), imageOf(x!)]], caps),
  ),
};

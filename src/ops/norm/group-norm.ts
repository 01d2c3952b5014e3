import type { ReduceWidth } from "../../../shaders/common.ts";
import { groupScaleParams, groupNormScaleGradient as scaleCode } from "../../../shaders/norm/group-norm.ts";
import {
  layerNorm as forwardCode,
  layerNormGradient as gradientCode,
  groupParams,
  groupScales,
  type NormRows,
} from "../../../shaders/norm/layer-norm.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { DeviceCaps, KernelPlan, Op } from "../../graph/op.ts";
import { grid, inFours, input, output } from "../shared/dispatch-plan.ts";
import { call, flatCall, float, partsOf } from "../shared/wasm-plan.ts";
import { channelsOf, groupLayout } from "./channels.ts";
import { groupNormGradientOnChip, groupNormOnChip, groupNormScaleGradientOnChip } from "./group-norm-chip.ts";
import { normalise, normaliseGradient, scaleGradients } from "./norm-layout.ts";
import { widths } from "./row-plan.ts";
import { boundIn, eachOf, type RowBinding, rowWindows } from "./windows.ts";

/** Settings of groupNorm. */
export interface GroupNormAttrs {
  /** Into so many parts the channels of an image are divided; as many as channels is instance normalisation. */
  readonly groups: number;
  /** Added to each group's variance before the root. */
  readonly eps: number;
}

/** Places of a channel as `width` invocations take them: four at a time, where `count` elements are some for all. */
const placesBy = (width: number, { shape }: TensorSpec, count: number): readonly [four: boolean, places: number] => {
  const { places } = channelsOf(shape);
  return count >= 4 * width ? inFours(places) : [false, places];
};

/** A workgroup a group of an image of x, by a kernel of `width` invocations. What launches see in part they see of whole images, so of every group. */
function groupLaunches(
  code: (rows: NormRows, width: ReduceWidth) => string,
  width: ReduceWidth,
  x: TensorSpec,
  { groups, eps }: GroupNormAttrs,
  bindings: readonly RowBinding[],
  caps: DeviceCaps,
): KernelPlan {
  const { n, channels, places: elements } = channelsOf(x.shape);
  const each = channels / groups;
  const N = each * elements;
  const [four, places] = placesBy(width, x, N);
  const text = code(groupScales(places >= width ? "plane" : "flat", four), width);
  return {
    launches: rowWindows(n * groups, eachOf(bindings), caps, groups).map((window) => ({
      code: text,
      params: groupParams.pack({ rows: window.count, N, extra: eps, groups, each, places }),
      bindings: boundIn(window, bindings),
      workgroups: grid(window.count, caps),
    })),
  };
}

/** For shape rules of gradients: dy and x alike, and mean and rstd of every group. */
function expectSaved(
  op: { readonly name: string },
  inputs: readonly TensorSpec[],
  [dy, x, mean, rstd]: readonly (TensorSpec | undefined)[],
  { groups }: GroupNormAttrs,
): void {
  const perGroup = `${(x?.shape[0] ?? 0) * groups}`;
  const saved = [mean, rstd].every((t) => t?.shape.join() === perGroup);
  if (!x || x.shape.length < 2 || dy?.shape.join() !== x.shape.join() || !saved) {
    wrongShapes(op, inputs, `dy and x [n, c, ...places], mean and rstd [${perGroup}]`);
  }
}

/**
 * y of x's shape [n, c, ...places], normalised by the mean and the biased variance of each group of channels of each image;
 * mean and rstd [n groups], which the gradient uses. Inputs x, gamma [c], beta [c]. Throws ChainruleError "shape" where the
 * groups do not divide the channels, or a group is one value.
 */
export const groupNorm: Op<GroupNormAttrs> = {
  name: "groupNorm",
  infer(inputs, { groups }) {
    const [x, ...scales] = inputs;
    const rank = x?.shape.length ?? 0;
    const c = x?.shape[1] ?? 0;
    if (rank < 2 || rank > 4 || scales.map((t) => t.shape.join()).join(" ") !== `${c} ${c}`) {
      wrongShapes(groupNorm, inputs, "x [n, c], [n, c, t] or [n, c, h, w], gamma [c] and beta [c]");
    }
    if (!Number.isInteger(groups) || groups < 1 || c % groups !== 0) {
      wrongShapes(groupNorm, inputs, `a number of groups that divides the ${c} channels, not ${groups}`);
    }
    const layout = groupLayout(x!.shape, groups);
    if (layout.count < 2) {
      wrongShapes(
        groupNorm,
        inputs,
        "more than one value a group, which is all there is to take a variance of: use fewer groups",
      );
    }
    const perGroup: TensorSpec = { shape: [layout.groups], dtype: "f32" };
    return [{ shape: x!.shape, dtype: "f32" }, perGroup, perGroup];
  },
  reference(inputs, { groups, eps }) {
    const { y, mean, rstd } = normalise(groupLayout(inputs[0]!.shape, groups), inputs, eps);
    return [y, mean, rstd];
  },
  wasm([x], [y], { groups, eps }) {
    const { n, channels, places } = channelsOf(x!.shape);
    const arrays = [0, 1, 2].map(input).concat([0, 1, 2].map(output));
    return flatCall("groupNorm", [...arrays, n * groups, groups, channels / groups, places, float(eps)], y!);
  },
  onChip: groupNormOnChip,
  gradient: (g, { inputs: [x, gamma, beta], outputs: [, mean, rstd], attrs }, [dy]) => [
    g.one(groupNormGradient, [dy!, x!, gamma!, mean!, rstd!], attrs, `d ${x!.name}`),
    ...g.add(groupNormScaleGradient, [dy!, x!, mean!, rstd!], attrs, [`d ${gamma!.name}`, `d ${beta!.name}`]),
  ],
  kernels: [
    ...widths("groupNorm/row", (width, [x], attrs: GroupNormAttrs, caps) => {
      const N = groupLayout(x!.shape, attrs.groups).count;
      const read = [N, 0, 0].map((each, i): RowBinding => [input(i), each]);
      const made = [N, 1, 1].map((each, i): RowBinding => [output(i), each]);
      const bindings = [...read, ...made];
      return groupLaunches(forwardCode, width, x!, attrs, bindings, caps);
    }),
  ],
};

/** dx of x's shape from dy, x, gamma, mean, rstd. */
export const groupNormGradient: Op<GroupNormAttrs> = {
  name: "groupNormGradient",
  infer(inputs, attrs) {
    const [dy, x, gamma, mean, rstd] = inputs;
    expectSaved(groupNormGradient, inputs, [dy, x, mean, rstd], attrs);
    if (gamma!.shape.join() !== `${x!.shape[1]}`) wrongShapes(groupNormGradient, inputs, `gamma [${x!.shape[1]}]`);
    return [{ shape: x!.shape, dtype: "f32" }];
  },
  reference: (inputs, { groups }) => [normaliseGradient(groupLayout(inputs[1]!.shape, groups), inputs)],
  wasm([, x], [dx], { groups }) {
    const { n, channels, places } = channelsOf(x!.shape);
    const arrays = [...[0, 1, 2, 3, 4].map(input), output(0)];
    return flatCall("groupNormGradient", [...arrays, n * groups, groups, channels / groups, places], dx!);
  },
  onChip: groupNormGradientOnChip,
  gradient: "none",
  kernels: [
    ...widths("groupNormGradient/row", (width, [, x], attrs: GroupNormAttrs, caps) => {
      const N = groupLayout(x!.shape, attrs.groups).count;
      const read = [N, N, 0, 1, 1].map((each, i): RowBinding => [input(i), each]);
      const bindings: readonly RowBinding[] = [...read, [output(0), N]];
      return groupLaunches(gradientCode, width, x!, attrs, bindings, caps);
    }),
  ],
};

/** dgamma [c] and dbeta [c] from dy, x, mean, rstd: sums over images and places. */
export const groupNormScaleGradient: Op<GroupNormAttrs> = {
  name: "groupNormScaleGradient",
  infer(inputs, attrs) {
    expectSaved(groupNormScaleGradient, inputs, inputs, attrs);
    const perChannel: TensorSpec = { shape: [inputs[1]!.shape[1]!], dtype: "f32" };
    return [perChannel, perChannel];
  },
  reference(inputs, { groups }) {
    const { shape } = inputs[1]!;
    const { dgamma, dbeta } = scaleGradients(groupLayout(shape, groups), inputs, shape[1]!);
    return [dgamma, dbeta];
  },
  wasm([, x], _outputs, { groups }) {
    const { n, channels, places } = channelsOf(x!.shape);
    const arrays = [0, 1, 2, 3].map(input).concat([0, 1].map(output));
    const parts = Math.min(channels, partsOf(sizeOf(x!.shape)));
    return call("groupNormScaleGradient", [...arrays, n, channels, places, groups], parts);
  },
  onChip: groupNormScaleGradientOnChip,
  gradient: "none",
  kernels: [
    ...widths("groupNormScaleGradient/channel", (width, [, x], { groups }: GroupNormAttrs, caps) => {
      const { n, channels, places } = channelsOf(x!.shape);
      const image = channels * places;
      const read = [image, image, groups, groups].map((each, i): RowBinding => [input(i), each]);
      const made = [0, 1].map((i): RowBinding => [output(i), 0]);
      const bindings = [...read, ...made];
      const [four, taken] = placesBy(width, x!, places);
      const unit = places / taken;
      const sizes = { rows: channels, places: taken, image: image / unit, groups, each: channels / groups };
      return {
        launches: rowWindows(n, eachOf(bindings), caps).map(({ first, count, whole }) => ({
          code: scaleCode(width, four),
          params: groupScaleParams.pack({ ...sizes, last: (count * image) / unit, first: first === 0 ? 1 : 0 }),
          bindings: boundIn({ first, count, whole }, bindings),
          workgroups: grid(channels, caps),
        })),
      };
    }),
  ],
};

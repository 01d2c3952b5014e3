import type { CaseInput, Proof } from "../../graph/op.ts";
import { channelsOf, groupLayout } from "./channels.ts";
import type { GroupNormAttrs } from "./group-norm.ts";
import { gradientBound, normBound, scaleGradientBounds } from "./norm-bound.ts";
import { filled, noise, saved } from "./norm-cases.ts";

export const groupNorm: Proof<GroupNormAttrs> = {
  bound(inputs, errors, outputs, { groups }) {
    const { y, mean, rstd } = normBound(groupLayout(inputs[0]!.shape, groups), inputs, errors, outputs);
    return [y, mean, rstd];
  },
  cases: [
    ...settings().map(({ name, shape, attrs }) => ({ name, inputs: drawn([shape, [shape[1]!], [shape[1]!]]), attrs })),
    ...far().map(({ name, shape, values, attrs }) => ({
      name,
      inputs: [filled(shape, values), filled([shape[1]!], [1]), filled([shape[1]!], [0])],
      attrs,
    })),
  ],
};

export const groupNormGradient: Proof<GroupNormAttrs> = {
  bound: (inputs, errors, _outputs, { groups }) => [
    gradientBound(groupLayout(inputs[1]!.shape, groups), inputs, errors),
  ],
  cases: [
    ...settings().map(({ name, shape, attrs }) => {
      const perGroup = [shape[0]! * attrs.groups];
      return { name, inputs: saved([shape, shape, [shape[1]!], perGroup, perGroup]), attrs };
    }),
    // Gradients far from 0, which all but cancel, behind groups that are nearly constant.
    ...far().map(({ name, shape, values, attrs }) => {
      const perGroup = [shape[0]! * attrs.groups];
      const inputs = [filled(shape, values), filled(shape, [0.1]), filled([shape[1]!], [1])];
      return { name, inputs: [...inputs, filled(perGroup, [0.1]), filled(perGroup, [300])], attrs };
    }),
  ],
};

export const groupNormScaleGradient: Proof<GroupNormAttrs> = {
  bound(inputs, errors, _outputs, { groups }) {
    const { shape } = inputs[1]!;
    const { dgamma, dbeta } = scaleGradientBounds(groupLayout(shape, groups), inputs, errors, shape[1]!);
    return [dgamma, dbeta];
  },
  cases: settings().map(({ name, shape, attrs }) => {
    const perGroup = [shape[0]! * attrs.groups];
    return { name, inputs: saved([shape, shape, perGroup, perGroup]), attrs };
  }),
};

function drawn(shapes: readonly (readonly number[])[]): readonly CaseInput[] {
  return shapes.map((shape) => ({ shape, dtype: "f32" }));
}

interface Setting {
  readonly name: string;
  readonly shape: readonly number[];
  readonly attrs: GroupNormAttrs;
}

function setting(shape: readonly number[], groups: number): Setting {
  const { channels } = channelsOf(shape);
  return { name: `${shape.join("x")} in ${groups} of ${channels / groups}`, shape, attrs: { groups, eps: 1e-5 } };
}

function settings(): readonly Setting[] {
  return [
    setting([1, 2], 1),
    setting([3, 6], 2),
    setting([2, 3, 2], 3),
    setting([2, 6, 5], 3),
    setting([3, 4, 7, 9], 1),
    setting([2, 4, 5, 5], 4),
    setting([2, 70, 3, 1], 35),
    setting([1, 8, 9, 11], 2),
    setting([2, 8, 10, 10], 2),
    setting([2, 4, 16, 18], 2),
  ];
}

function far(): readonly (Setting & { readonly values: ArrayLike<number> })[] {
  return [
    { ...setting([2, 4, 5, 5], 2), name: "all 7348.709", values: [7348.709] },
    { ...setting([2, 2, 15, 20], 2), name: "close to 10000", values: noise(10000, 0.01) },
    { ...setting([2, 2, 2], 1), name: "close to -3", values: noise(-3, 1e-4) },
  ];
}

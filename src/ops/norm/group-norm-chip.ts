import { normalised } from "../../../shaders/norm/layer-norm.ts";
import { type ChipValue, index } from "../../graph/chip.ts";
import type { OnChip } from "../shared/chip.ts";
import { channelsOf } from "./channels.ts";
import { type ChipRows, normRowsGradientOnChip, normRowsOnChip } from "./layer-norm-chip.ts";

interface Groups {
  readonly groups: number;
}

/** The groups of all images as rows. */
function rowsOf({ shape }: ChipValue, groups: number): ChipRows {
  const { n, channels, places } = channelsOf(shape);
  const each = channels / groups;
  return {
    rows: n * groups,
    N: each * places,
    scale: (row, j) => index.plus(index.times(index.rest(row, groups), each), index.over(j, places)),
  };
}

export const groupNormOnChip: OnChip<Groups & { readonly eps: number }> = (w, inputs, outputs, { groups, eps }) =>
  normRowsOnChip(w, rowsOf(inputs[0]!, groups), inputs, outputs, eps);

export const groupNormGradientOnChip: OnChip<Groups> = (w, inputs, [dx], { groups }) =>
  normRowsGradientOnChip(w, rowsOf(inputs[1]!, groups), inputs, dx!);

/** An invocation a channel. */
export const groupNormScaleGradientOnChip: OnChip<Groups> = (w, [dy, x, mean, rstd], [dgamma, dbeta], { groups }) => {
  const { n, channels, places } = channelsOf(x!.shape);
  w.each(channels, (c) => {
    const group = w.name(index.over(c, channels / groups));
    w.add("var sum = 0.0; var sumDyx = 0.0;");
    w.loop(0, n, (image) => {
      const k = w.name(index.plus(index.times(image, groups), group));
      const start = w.name(index.times(index.plus(index.times(image, channels), c), places));
      w.add(`let mu = ${mean!.at(k)}; let r = ${rstd!.at(k)};`);
      w.loop(0, places, (j) => {
        const i = w.name(index.plus(start, j));
        w.add(`let d = ${dy!.at(i)}; sum += d; sumDyx = fma(d, ${normalised(x!.at(i))}, sumDyx);`);
      });
    });
    w.add(`${dgamma!.at(c)} = sumDyx; ${dbeta!.at(c)} = sum;`);
  });
};

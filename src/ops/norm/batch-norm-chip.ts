import { finiteTests } from "../../../shaders/common.ts";
import { batchNormGradientOf, moved, notFinite, runningFactor } from "../../../shaders/norm/batch-norm.ts";
import { corrected, layerNormOf, normalised, rstdOf } from "../../../shaders/norm/layer-norm.ts";
import { float } from "../../../shaders/params.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { type ChipValue, type Index, index } from "../../graph/chip.ts";
import { COST, type OnChip } from "../shared/chip.ts";
import { channelsOf } from "./channels.ts";
import { type BatchNormAttrs, momentumNumber } from "./running.ts";

/** Batch normalisation, an invocation a channel. The formulas are those of the kernels: shaders/norm/batch-norm.ts. */

/** Element j of a channel of x [n, channels, ...places]. */
function element(x: ChipValue, channel: Index, j: Index): string {
  const { channels, places } = channelsOf(x.shape);
  const plane = index.plus(index.times(index.over(j, places), channels), channel);
  return x.at(index.plus(index.times(plane, places), index.rest(j, places)));
}

export const batchNormOnChip: OnChip<BatchNormAttrs> = (w, [x, gamma, beta], [y, mean, rstd, running], attrs) => {
  const { n, channels, places } = channelsOf(x!.shape);
  const count = n * places;
  const last = 2 * channels;
  w.declare(finiteTests);
  w.add(`const count = ${float(count)}; const momentum = ${float(momentumNumber(attrs.momentum))};`);
  // Everyone reads the number of batches before the sum below waits for all, behind which one invocation changes it.
  w.add(`let batches = ${running!.at(last)}; let factor = ${runningFactor("momentum", "batches")};`);
  const bad = w.total([[0, channels]], (c, sum) => {
    w.add("var mu = 0.0; var all = 0.0;");
    w.loop(0, count, (j) => w.add(`mu = fma(${element(x!, c, j)}, ${float(1 / count)}, mu);`));
    w.loop(0, count, (j) => w.add(`all += ${element(x!, c, j)} - mu;`));
    w.add(`mu = ${corrected("mu", "all")}; var squares = 0.0;`);
    w.loop(0, count, (j) => w.add(`let d = ${element(x!, c, j)} - mu; squares = fma(d, d, squares);`));
    // Until it is known whether all are finite, the place of rstd holds the squares.
    w.add(`${mean!.at(c)} = mu; ${rstd!.at(c)} = squares; ${sum} += ${notFinite("mu", "squares")};`, 3);
  });
  w.each(channels, (c) => {
    w.add(`let mu = ${mean!.at(c)}; let squares = ${rstd!.at(c)};`);
    const move = (k: Index, batch: string): void => {
      const place = running!.at(k);
      w.add(`${place} = select(${place}, ${moved(place, batch)}, ${bad} == 0.0);`, 4);
    };
    move(c, "mu");
    move(index.plus(c, channels), "squares / (count - 1.0)");
    w.add(`let r = ${rstdOf("squares", float(attrs.eps))}; ${rstd!.at(c)} = r;`, COST.function);
    w.loop(0, count, (j) => {
      w.add(`${element(y!, c, j)} = ${layerNormOf(element(x!, c, j), gamma!.at(c), beta!.at(c))};`);
    });
  });
  w.once(() => w.add(`${running!.at(last)} = batches + select(0.0, 1.0, ${bad} == 0.0);`));
};

export const batchNormGradientOnChip: OnChip<null> = (w, [dy, x, gamma, mean, rstd], [dx, dgamma, dbeta]) => {
  const { n, channels, places } = channelsOf(x!.shape);
  const count = n * places;
  w.each(channels, (c) => {
    const xhat = (j: Index): string => normalised(element(x!, c, j));
    w.add(`const count = ${float(count)}; let mu = ${mean!.at(c)}; let r = ${rstd!.at(c)};`);
    w.add("var meanDy = 0.0; var sumDyx = 0.0;");
    w.loop(0, count, (j) => {
      const d = `let d = ${element(dy!, c, j)};`;
      w.add(`${d} meanDy = fma(d, ${float(1 / count)}, meanDy); sumDyx = fma(d, ${xhat(j)}, sumDyx);`);
    });
    w.add("let meanDyx = sumDyx / count; var rest = 0.0;");
    w.loop(0, count, (j) => w.add(`rest += ${element(dy!, c, j)} - meanDy;`));
    w.add(`meanDy = ${corrected("meanDy", "rest")}; let factor = ${gamma!.at(c)} * r;`);
    w.loop(0, count, (j) => {
      w.add(`let xhat = ${xhat(j)}; ${element(dx!, c, j)} = ${batchNormGradientOf(element(dy!, c, j))};`);
    });
    w.add(`${dgamma!.at(c)} = sumDyx; ${dbeta!.at(c)} = meanDy * count;`);
  });
};

export const batchNormInferenceOnChip: OnChip<{ readonly eps: number }> = (
  w,
  [x, gamma, beta, running],
  [y],
  attrs,
) => {
  const { channels, places } = channelsOf(x!.shape);
  w.each(sizeOf(x!.shape), (i) => {
    const c = w.name(index.rest(index.over(i, places), channels));
    w.add(`let mu = ${running!.at(c)};`);
    w.add(`let r = 1.0 / sqrt(${running!.at(index.plus(c, channels))} + ${float(attrs.eps)});`, COST.function);
    w.add(`${y!.at(i)} = ${layerNormOf(x!.at(i), gamma!.at(c), beta!.at(c))};`);
  });
};

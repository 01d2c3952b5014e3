import { corrected, layerNormGradientOf, layerNormOf, normalised, rstdOf } from "../../../shaders/norm/layer-norm.ts";
import { float } from "../../../shaders/params.ts";
import type { Index } from "../../graph/chip.ts";
import { COST, type OnChip, rowElement } from "../shared/chip.ts";

/** Layer normalisation, an invocation a row. The formulas are those of the kernels: shaders/norm/layer-norm.ts. */

export const layerNormOnChip: OnChip<{ readonly eps: number }> = (w, [x, gamma, beta], [y, mean, rstd], { eps }) => {
  const [M, N] = x!.shape as readonly [number, number];
  w.each(M, (row) => {
    w.add(`const count = ${float(N)}; var sum = 0.0;`);
    w.loop(0, N, (j) => w.add(`sum += ${rowElement(x!, row, j)};`));
    w.add("var mu = sum / count; sum = 0.0;");
    w.loop(0, N, (j) => w.add(`sum += ${rowElement(x!, row, j)} - mu;`));
    w.add(`mu = ${corrected("mu", "sum")}; var squares = 0.0;`);
    w.loop(0, N, (j) => w.add(`let d = ${rowElement(x!, row, j)} - mu; squares = fma(d, d, squares);`));
    w.add(`let r = ${rstdOf("squares", float(eps))};`, COST.function);
    w.loop(0, N, (j) => {
      w.add(`${rowElement(y!, row, j)} = ${layerNormOf(rowElement(x!, row, j), gamma!.at(j), beta!.at(j))};`);
    });
    w.add(`${mean!.at(row)} = mu; ${rstd!.at(row)} = r;`);
  });
};

export const layerNormGradientOnChip: OnChip<unknown> = (w, [dy, x, gamma, mean, rstd], [dx]) => {
  const [M, N] = x!.shape as readonly [number, number];
  w.each(M, (row) => {
    const g = (j: Index): string => `${rowElement(dy!, row, j)} * ${gamma!.at(j)}`;
    const xhat = (j: Index): string => normalised(rowElement(x!, row, j));
    w.add(`const count = ${float(N)}; let mu = ${mean!.at(row)}; let r = ${rstd!.at(row)};`);
    w.add("var sumG = 0.0; var sumGx = 0.0;");
    w.loop(0, N, (j) => w.add(`let g = ${g(j)}; sumG += g; sumGx = fma(g, ${xhat(j)}, sumGx);`));
    w.add("sumG = sumG / count; sumGx = sumGx / count; var rest = 0.0;");
    w.loop(0, N, (j) => w.add(`rest += ${g(j)} - sumG;`));
    w.add(`sumG = ${corrected("sumG", "rest")};`);
    w.loop(0, N, (j) => {
      w.add(`let xhat = ${xhat(j)}; ${rowElement(dx!, row, j)} = ${layerNormGradientOf(g(j))};`);
    });
  });
};

export const layerNormScaleGradientOnChip: OnChip<unknown> = (w, [dy, x, mean, rstd], [dgamma]) => {
  const [M, N] = x!.shape as readonly [number, number];
  w.each(N, (n) => {
    w.add("var sum = 0.0;");
    w.loop(0, M, (m) => {
      w.add(`let mu = ${mean!.at(m)}; let r = ${rstd!.at(m)};`);
      w.add(`sum = fma(${rowElement(dy!, m, n)}, ${normalised(rowElement(x!, m, n))}, sum);`);
    });
    w.add(`${dgamma!.at(n)} = sum;`);
  });
};

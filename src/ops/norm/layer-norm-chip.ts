import { corrected, layerNormGradientOf, layerNormOf, normalised, rstdOf } from "../../../shaders/norm/layer-norm.ts";
import { float } from "../../../shaders/params.ts";
import { type ChipValue, type ChipWriter, type Index, index } from "../../graph/chip.ts";
import { COST, type OnChip, rowElement } from "../shared/chip.ts";

/** Layer and group normalisation, an invocation a row. The formulas are those of the kernels: shaders/norm/layer-norm.ts. */

/** Rows of N elements that lie one behind the other, and where element j of one has its scale. */
export interface ChipRows {
  readonly rows: number;
  readonly N: number;
  scale(row: Index, j: Index): Index;
}

const columnScales = ({ shape }: ChipValue): ChipRows => ({ rows: shape[0]!, N: shape[1]!, scale: (_row, j) => j });
const element = (x: ChipValue, { N }: ChipRows, row: Index, j: Index): string =>
  x.at(index.plus(index.times(row, N), j));

export function normRowsOnChip(
  w: ChipWriter,
  rows: ChipRows,
  [x, gamma, beta]: readonly ChipValue[],
  [y, mean, rstd]: readonly ChipValue[],
  eps: number,
): void {
  const { N } = rows;
  w.each(rows.rows, (row) => {
    const of = (v: ChipValue, j: Index): string => element(v, rows, row, j);
    w.add(`const count = ${float(N)}; var mu = 0.0; var sum = 0.0;`);
    w.loop(0, N, (j) => w.add(`mu = fma(${of(x!, j)}, ${float(1 / N)}, mu);`));
    w.loop(0, N, (j) => w.add(`sum += ${of(x!, j)} - mu;`));
    w.add(`mu = ${corrected("mu", "sum")}; var squares = 0.0;`);
    w.loop(0, N, (j) => w.add(`let d = ${of(x!, j)} - mu; squares = fma(d, d, squares);`));
    w.add(`let r = ${rstdOf("squares", float(eps))};`, COST.function);
    w.loop(0, N, (j) => {
      const k = w.name(rows.scale(row, j));
      w.add(`${of(y!, j)} = ${layerNormOf(of(x!, j), gamma!.at(k), beta!.at(k))};`);
    });
    w.add(`${mean!.at(row)} = mu; ${rstd!.at(row)} = r;`);
  });
}

export function normRowsGradientOnChip(
  w: ChipWriter,
  rows: ChipRows,
  [dy, x, gamma, mean, rstd]: readonly ChipValue[],
  dx: ChipValue,
): void {
  const { N } = rows;
  w.each(rows.rows, (row) => {
    const g = (j: Index): string => `${element(dy!, rows, row, j)} * ${gamma!.at(rows.scale(row, j))}`;
    const xhat = (j: Index): string => normalised(element(x!, rows, row, j));
    w.add(`const count = ${float(N)}; let mu = ${mean!.at(row)}; let r = ${rstd!.at(row)};`);
    w.add("var sumG = 0.0; var sumGx = 0.0;");
    w.loop(0, N, (j) => {
      w.add(`let g = ${g(j)}; sumG = fma(g, ${float(1 / N)}, sumG); sumGx = fma(g, ${xhat(j)}, sumGx);`);
    });
    w.add("sumGx = sumGx / count; var rest = 0.0;");
    w.loop(0, N, (j) => w.add(`rest += ${g(j)} - sumG;`));
    w.add(`sumG = ${corrected("sumG", "rest")};`);
    w.loop(0, N, (j) => {
      w.add(`let xhat = ${xhat(j)}; ${element(dx, rows, row, j)} = ${layerNormGradientOf(g(j))};`);
    });
  });
}

export const layerNormOnChip: OnChip<{ readonly eps: number }> = (w, inputs, outputs, { eps }) =>
  normRowsOnChip(w, columnScales(inputs[0]!), inputs, outputs, eps);

export const layerNormGradientOnChip: OnChip<unknown> = (w, inputs, [dx]) =>
  normRowsGradientOnChip(w, columnScales(inputs[1]!), inputs, dx!);

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

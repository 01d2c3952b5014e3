import { rstdOf } from "../../../shaders/norm/layer-norm.ts";
import { rmsNormGradientOf, rmsNormOf } from "../../../shaders/norm/rms-norm.ts";
import { float } from "../../../shaders/params.ts";
import { COST, type OnChip, rowElement } from "../shared/chip.ts";

/** An invocation a row. The formulas are those of the kernels: shaders/norm/rms-norm.ts. */

export const rmsNormOnChip: OnChip<{ readonly eps: number }> = (w, [x, weight], [y, rstd], { eps }) => {
  const [M, N] = x!.shape as readonly [number, number];
  w.each(M, (row) => {
    w.add(`const count = ${float(N)}; var squares = 0.0;`);
    w.loop(0, N, (j) => w.add(`let v = ${rowElement(x!, row, j)}; squares = fma(v, v, squares);`));
    w.add(`let r = ${rstdOf("squares", float(eps))};`, COST.function);
    w.loop(0, N, (j) => {
      w.add(`${rowElement(y!, row, j)} = ${rmsNormOf(rowElement(x!, row, j), weight!.at(j))};`);
    });
    w.add(`${rstd!.at(row)} = r;`);
  });
};

export const rmsNormGradientOnChip: OnChip<unknown> = (w, [dy, x, weight, rstd], [dx]) => {
  const [M, N] = x!.shape as readonly [number, number];
  w.each(M, (row) => {
    w.add(`let r = ${rstd!.at(row)}; var sumGx = 0.0;`);
    w.loop(0, N, (j) => {
      const g = `${rowElement(dy!, row, j)} * ${weight!.at(j)}`;
      w.add(`sumGx = fma(${g}, ${rowElement(x!, row, j)} * r, sumGx);`);
    });
    w.add(`sumGx = sumGx / ${float(N)};`);
    w.loop(0, N, (j) => {
      const g = `${rowElement(dy!, row, j)} * ${weight!.at(j)}`;
      w.add(`${rowElement(dx!, row, j)} = ${rmsNormGradientOf(g, rowElement(x!, row, j))};`);
    });
  });
};

export const rmsNormScaleGradientOnChip: OnChip<unknown> = (w, [dy, x, rstd], [dweight]) => {
  const [M, N] = x!.shape as readonly [number, number];
  w.each(N, (n) => {
    w.add("var sum = 0.0;");
    w.loop(0, M, (m) => {
      w.add(`sum = fma(${rowElement(dy!, m, n)}, ${rowElement(x!, m, n)} * ${rstd!.at(m)}, sum);`);
    });
    w.add(`${dweight!.at(n)} = sum;`);
  });
};

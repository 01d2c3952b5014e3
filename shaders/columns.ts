import { flatMain, flatType, read, storage, write } from "./common.ts";
import { paramBlock } from "./params.ts";
import { wgsl } from "./wgsl.ts";

/**
 * Rows of N values and of W, which stand in columns `first` and on; where each begins in what is bound. All count elements, or
 * fours, where kernels take those.
 */
export const columnParams = paramBlock({
  size: "u32",
  N: "u32",
  W: "u32",
  first: "u32",
  scale: "f32",
  wide: "u32",
  narrow: "u32",
});

/** y = x, and scale d added in d's columns. In front of them `column` wraps around to what is no column either. */
export const addScaledColumns = (four: boolean): string => wgsl`
${columnParams.wgsl}
${storage(read("x", flatType(four)), read("d", flatType(four)), write("y", flatType(four)))}
${flatMain(`  let column = i % params.N - params.first;
  let k = params.narrow + i / params.N * params.W + min(column, params.W - 1u);
  let own = x[params.wide + i];
  y[params.wide + i] = select(own, own + params.scale * d[k], column < params.W);`)}
`;

/** d = scale times d's columns of y. */
export const scaledColumns = (four: boolean): string => wgsl`
${columnParams.wgsl}
${storage(read("y", flatType(four)), write("d", flatType(four)))}
${flatMain(`  let k = i / params.W * params.N + params.first + i % params.W;
  d[params.narrow + i] = params.scale * y[params.wide + k];`)}
`;

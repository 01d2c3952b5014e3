import { wgsl } from "../wgsl.ts";

/**
 * How kernels that take places of any rows and images find them; see product.ts. The texts go into the body of `main`, where
 * names that end alike are those of one place.
 */

/** The group of channels `part` and the phase of a workgroup, and how many places that has: N. */
export const phaseOf = wgsl`
  let phases = params.phaseRows * params.phaseColumns;
  let part = group.z / phases;
  let phaseRows = group.z % phases / params.phaseColumns;
  let phaseColumns = group.z % params.phaseColumns;
  if (phaseRows >= params.rows || phaseColumns >= params.columns) { return; }
  let rowsHere = (params.rows - phaseRows - 1u) / params.phaseRows + 1u;
  let columnsHere = (params.columns - phaseColumns - 1u) / params.phaseColumns + 1u;
  let N = params.images * rowsHere * columnsHere;
`;

/** The same where there is one phase, as forward and where the stride is 1. */
const onePhase = wgsl`
  let part = group.z;
  let rowsHere = params.rows;
  let columnsHere = params.columns;
  let N = params.images * rowsHere * columnsHere;
`;
export const placesHere = (phased: boolean): string => (phased ? phaseOf : onePhase);

/** Row, column and image of the n-th place of the phase; behind the last, of that one. */
export const placeOf = (end: string, n: string): string => wgsl`
  let n${end} = min(${n}, N - 1u);
  let line${end} = n${end} / columnsHere;
  let column${end} = n${end} - line${end} * columnsHere;
  let image${end} = line${end} / rowsHere;
  let r${end} = line${end} - image${end} * rowsHere;
`;

/** Where what it reads of B lies, before an element of the kernel is chosen. */
export const readOf = (end: string): string => wgsl`
  let row${end} = r${end} * params.originRows;
  let col${end} = column${end} * params.originColumns;
  let b${end} = params.bOffset + image${end} * params.bImage + part * params.bGroup;
`;

/** Where it lies in each plane of the result. */
export const resultOf = (end: string, phased = true): string => wgsl`
#if ${!phased}
  let c${end} = params.cOffset + image${end} * params.cImage + r${end} * params.columns + column${end};
#else
  let c${end} = params.cOffset + image${end} * params.cImage + (phaseRows + r${end} * params.phaseRows) * params.columns
            + phaseColumns + column${end} * params.phaseColumns;
#endif
`;

/** How far the k-th row or column of the kernel reaches; the next one, where it does not reach from this phase. */
export const tapOf = (axis: "Rows" | "Columns", k: string, phased = true): string => wgsl`
#if ${!phased}
    let tap${axis} = params.tapFrom${axis} + params.tapStep${axis} * ${k};
#else
    let reach${axis} = i32(phase${axis} + params.tapFrom${axis} + params.tapStep${axis} * ${k});
    if (reach${axis} % i32(params.phase${axis}) != 0) { continue; }
    let tap${axis} = u32(reach${axis} / i32(params.phase${axis}));
#endif
`;

/** What is met there: `at`, where `in`. */
export const rowAt = (end: string): string =>
  `    let br${end} = row${end} + tapRows; let bl${end} = b${end} + br${end} * params.bColumns;`;
export const columnAt = (end: string): string => wgsl`
      let bc${end} = col${end} + tapColumns;
      let in${end} = (br${end} < params.bRows) & (bc${end} < params.bColumns);
      let at${end} = bl${end} + bc${end};
`;

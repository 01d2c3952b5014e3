import { range, wgsl } from "../wgsl.ts";

/** Rows, columns and depth of the matrices that a device multiplies in one instruction of a whole subgroup. */
export interface SubgroupMatrixShape {
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** Invocations of a workgroup, whole subgroups of any size that a device may have. */
export const MATRIX_INVOCATIONS = 128;

/** What a workgroup computes: cells down and across, each summed up by one subgroup, and terms at a time. */
export interface MatrixBlock {
  readonly cellRows: number;
  readonly cellColumns: number;
  readonly down: number;
  readonly across: number;
  readonly depth: number;
  /** Elements from the terms of one row of A, or column of B, to those of the next. Default `depth`. */
  readonly stride?: number;
}

export const rowsOf = ({ cellRows, down }: MatrixBlock): number => cellRows * down;
export const columnsOf = ({ cellColumns, across }: MatrixBlock): number => cellColumns * across;

/** Whether cells consist of whole matrices of that shape. */
export const matrixFits = ({ cellRows, cellColumns, depth }: MatrixBlock, { M, N, K }: SubgroupMatrixShape): boolean =>
  [cellRows % M, cellColumns % N, depth % K, N % 4].every((rest) => rest === 0);

/** Bytes of workgroup memory. */
export function matrixBytes(block: MatrixBlock, { M, N }: SubgroupMatrixShape): number {
  const { depth, down, across, stride = depth } = block;
  return 2 * stride * (rowsOf(block) + columnsOf(block)) + 4 * down * across * M * N;
}

/** What the text of a kernel begins with. */
export const matrixHead = wgsl`
enable chromium_experimental_subgroup_matrix;
enable subgroups;
enable f16;
// A subgroup's number is the same for all of it, which the compiler has no way to know.
diagnostic(off, chromium.subgroup_matrix_uniformity);
`;

/** Parameters of `main` beside the workgroup's: what `matrixCells` asks for. */
export const matrixBuiltins = "@builtin(subgroup_size) subgroupSize: u32, @builtin(local_invocation_index) lane: u32";

/** blockA has a row of terms for each row of C; blockB for each column, or for each term a row of columns. */
export type LayoutOfB = "a column's terms" | "a term's columns";

/** Arrays of a block: their elements' types and numbers. */
function arraysOf(block: MatrixBlock, { M, N }: SubgroupMatrixShape) {
  const { depth, down, across, stride = depth } = block;
  const [a, b, c] = [rowsOf(block) * stride, columnsOf(block) * stride, down * across * M * N];
  return { a, b, c, types: { A: `array<f16, ${a}>`, B: `array<f16, ${b}>`, C: `array<f32, ${c}>` } };
}

/** Blocks of halves, and the matrix of each cell that leaves: arrays, or with `views` one stretch that holds first those, then this. */
export function matrixMemory(block: MatrixBlock, shape: SubgroupMatrixShape, views = false): string {
  const { a, b, c, types } = arraysOf(block, shape);
  if (views) return `var<workgroup> blocks: buffer<${Math.max(2 * (a + b), 4 * c)}>;`;
  return (["A", "B", "C"] as const).map((name) => `var<workgroup> block${name}: ${types[name]};`).join("\n");
}

/** With views, what functions that use the arrays begin with: some of them by name. */
export function matrixViews(
  block: MatrixBlock,
  shape: SubgroupMatrixShape,
  names: readonly ("A" | "B" | "C")[],
): string {
  const { a, types } = arraysOf(block, shape);
  return names
    .map((name) => `  let block${name} = bufferView<${types[name]}>(&blocks, ${name === "B" ? 2 * a : 0}u);`)
    .join("\n");
}

/** Of element e of blockC: its cell, and its row and column of the block, of the matrix that begins at (i, j) of a cell. */
export const matrixPlace = (
  { cellRows, cellColumns, across }: MatrixBlock,
  { M, N }: SubgroupMatrixShape,
): string => wgsl`
    let cell = e / ${M * N}u;
    let m = (cell / ${across}u) * ${cellRows}u + i + (e % ${M * N}u) / ${N}u;
    let n = (cell % ${across}u) * ${cellColumns}u + j + e % ${N}u;
`;

/**
 * The sums of all cells by the device's own matrix instructions (WGSL's chromium_experimental_subgroup_matrix), in f32. How
 * many subgroups a workgroup has is known to the device alone: with fewer than there are cells, they take several turns.
 * `terms` is the loop over terms: it fills the blocks between two barriers and then runs `multiply`. What is summed leaves
 * through workgroup memory, a matrix of each cell at a time, since a subgroup's matrix has no elements that could be seen:
 * `store(i, j)` stores what blockC holds of the cells from `first` to before `first + subgroups`.
 */
export function matrixCells(
  block: MatrixBlock,
  { M, N, K }: SubgroupMatrixShape,
  layout: LayoutOfB,
  terms: (multiply: string) => string,
  store: (i: number, j: number) => string,
  views = false,
): string {
  const at = (array: string): string => (views ? array : `&${array}`);
  const { cellRows, cellColumns, across, depth, stride = depth } = block;
  const cells = block.down * across;
  const [matricesDown, matricesAcross] = [range(cellRows / M), range(cellColumns / N)];
  const sums = matricesDown.flatMap((i) => matricesAcross.map((j) => ({ i, j, name: `sum${i}_${j}` })));
  const elements = M * N;
  const left = `subgroup_matrix_left<f16, ${K}, ${M}>`;
  const right = `subgroup_matrix_right<f16, ${N}, ${K}>`;
  const byColumns = layout === "a column's terms";
  const loads = [
    ...matricesDown.map(
      (i) =>
        `let a${i} = subgroupMatrixLoad<${left}, row_major>(${at("blockA")}, (cellM + ${i * M}u) * ${stride}u + k, ${stride}u);`,
    ),
    ...matricesAcross.map((j) =>
      byColumns
        ? `let b${j} = subgroupMatrixLoad<${right}, col_major>(${at("blockB")}, (cellN + ${j * N}u) * ${stride}u + k, ${stride}u);`
        : `let b${j} = subgroupMatrixLoad<${right}, row_major>(${at("blockB")}, k * ${columnsOf(block)}u + cellN + ${j * N}u, ${columnsOf(block)}u);`,
    ),
  ];
  const multiply = sums.map(({ i, j, name }) => `${name} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, ${name});`);
  const leave = ({ i, j, name }: (typeof sums)[number]): string => wgsl`
    workgroupBarrier();
    if (cell < ${cells}u) { subgroupMatrixStore<row_major>(${at("blockC")}, cell * ${elements}u, ${name}, ${N}u); }
    workgroupBarrier();
    ${store(i * M, j * N)}
`;
  return wgsl`
  let subgroups = ${MATRIX_INVOCATIONS}u / subgroupSize;
  // One number for all of the subgroup, which compilers then keep once.
  let subgroup = subgroupBroadcastFirst(lane / subgroupSize);
  for (var first = 0u; first < ${cells}u; first += subgroups) {
    let cell = first + subgroup;
    let cellM = (cell / ${across}u) * ${cellRows}u;
    let cellN = (cell % ${across}u) * ${cellColumns}u;
${sums.map(({ name }) => `    var ${name}: subgroup_matrix_result<f32, ${N}, ${M}>;`).join("\n")}
${terms(wgsl`
      if (cell < ${cells}u) {
        for (var k = 0u; k < ${depth}u; k += ${K}u) {
          ${[...loads, ...multiply].join("\n          ")}
        }
      }
`)}
${sums.map(leave).join("")}
  }
`;
}

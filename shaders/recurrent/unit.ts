import { lane, range, wgsl } from "../wgsl.ts";
import { type CellText, ofOneRow } from "./cells.ts";

/** Where a form of the loop has what a unit's step reads and leaves behind. */
export interface UnitPlaces {
  /** True where a unit's rows are taken one by one. */
  readonly few: boolean;
  /** The hidden sum of gate g, or on the way back that of the unit: a vec4 of rows. */
  sum(g: number): string;
  /** The state of term \`term\`, as it was and as it becomes. */
  before(term: string): string;
  after(term: string): string;
  /** What the way back carries beside it. */
  readonly carried: string;
}

const rowLanes = [0, 1, 2, 3] as const;

/**
 * Four rows of a group: `row` is the first, `at` where each one's step lies among all, and `counts` whether that step does.
 * Behind the last row that is read again, and not stored. Or one row, where they are taken one by one.
 */
export function fourRows(lengths: boolean, first: string, few = false): string {
  const text = wgsl`
#if ${few}
    let rows = ${first};
#else
    let row = ${first};
    let rows = min(vec4<u32>(row) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.rows - 1u));
#endif
    let at = rows * params.steps + vec4<u32>(t);
#if ${lengths}
    let lasts = ${few ? "lengths[rows]" : `vec4<i32>(${rowLanes.map((r) => `lengths[rows.${lane(r)}]`).join(", ")})`};
    let counts = vec4<i32>(i32(t)) < lasts;
#else
    let counts = vec4<bool>(true);
#endif
`;
  return few ? ofOneRow(text) : text;
}

/** Values of a unit's rows in an array of `width` values a step: lets \`name\` be where they lie; those of value k, and their stores. */
const valuesAt = (name: string, width: number, at = "at"): string =>
  `    let ${name} = ${at} * (${width}u * h) + vec4<u32>(unit);`;
const placeOf = (name: string, k: number): string => (k === 0 ? name : `${name} + ${k}u * h`);
const gathered = (few: boolean, array: string, name: string, k = 0): string =>
  few
    ? `${array}[${placeOf(name, k)}]`
    : `vec4<f32>(${rowLanes.map((r) => `${array}[${placeOf(`${name}.${lane(r)}`, k)}]`).join(", ")})`;

type Store = readonly [array: string, name: string, k: number, value: string];
function scattered(few: boolean, stores: readonly Store[]): string {
  const each = (part: string): string =>
    stores.map(([array, name, k, value]) => `${array}[${placeOf(name + part, k)}] = ${value}${part};`).join(" ");
  if (few) return `    ${each("")}`;
  return rowLanes.map((r) => `    if (row + ${r}u < params.rows) { ${each(`.${lane(r)}`)} }`).join("\n");
}

/** The step of `unit` on the way there. */
export function forwardUnit(cell: CellText, { few, sum, before, after }: UnitPlaces): string {
  const gates = range(cell.gates);
  const text = wgsl`
${valuesAt("ofX", cell.gates)}
${valuesAt("ofY", 1)}
#if ${cell.saved > 0}
${valuesAt("ofSaved", cell.saved)}
#endif
#if ${cell.name === "gru"}
    let before = ${before("unit")};
#endif
#if ${cell.cell >= 0}
    var cell = vec4<f32>();
    if (s > 0u) {
${valuesAt("ofBefore", cell.saved, "(rows * params.steps + vec4<u32>(earlier))")}
      cell = ${gathered(few, "saved", "ofBefore", Math.max(0, cell.cell))};
    }
#endif
${gates.map((g) => `    let x${g} = ${gathered(few, "x", "ofX", g)} + inputBias[${g}u * h + unit];`).join("\n")}
${gates.map((g) => `    let s${g} = ${sum(g)} + hiddenBias[${g}u * h + unit];`).join("\n")}
${cell.step}
    let kept = select(vec4<f32>(), made, counts);
    ${after("unit")} = kept;
${range(cell.saved)
  .map((k) => `    let keep${k} = select(vec4<f32>(), v${k}, counts);`)
  .join("\n")}
${scattered(few, [["y", "ofY", 0, "kept"], ...range(cell.saved).map((k): Store => ["saved", "ofSaved", k, `keep${k}`])])}
`;
  return few ? ofOneRow(text) : text;
}

/** The step of `unit` on the way back. */
export function backwardUnit(cell: CellText, lengths: boolean, { few, sum, after, carried }: UnitPlaces): string {
  const gates = range(cell.gates);
  const d = cell.apart ? "e" : "d";
  const beforeReads = cell.cell >= 0 || cell.name === "gru";
  const earlier = cell.cell >= 0 ? "cell" : "before";
  const [array, width, k] = cell.cell >= 0 ? (["saved", cell.saved, cell.cell] as const) : (["y", 1, 0] as const);
  const text = wgsl`
${valuesAt("ofY", 1)}
${valuesAt("ofX", cell.gates)}
#if ${cell.saved > 0}
${valuesAt("ofSaved", cell.saved)}
#endif
#if ${cell.carries}
    var carry = vec4<f32>();
    if (s > 0u) { carry = ${carried}; }
#endif
    let dh = ${gathered(few, "dy", "ofY")} + ${sum(0)};
${range(cell.saved)
  .map((i) => `    let v${i} = ${gathered(few, "saved", "ofSaved", i)};`)
  .join("\n")}
#if ${beforeReads}
    var ${earlier} = vec4<f32>();
    if (s + 1u < params.steps) {
${valuesAt("ofBefore", width, "(rows * params.steps + vec4<u32>(earlier))")}
      let found = ${gathered(few, array, "ofBefore", k)};
#if ${lengths}
      ${earlier} = select(vec4<f32>(), found, vec4<i32>(i32(earlier)) < lasts);
#else
      ${earlier} = found;
#endif
    }
#endif
#if ${cell.gates === 1}
    let out = ${gathered(few, "y", "ofY")};
#endif
${cell.back}
#if ${cell.carries}
    ${carried} = select(vec4<f32>(), onward, counts);
#endif
${gates
  .flatMap((g) => [
    `    let dx${g} = select(vec4<f32>(), d${g}, counts);`,
    `    let state${g} = select(vec4<f32>(), ${d}${g}, counts);`,
    `    ${after(`(${g}u * h + unit)`)} = state${g};`,
  ])
  .join("\n")}
${scattered(
  few,
  gates.flatMap((g): Store[] => [
    ["dx", "ofX", g, `dx${g}`],
    ...(cell.apart ? [["dhidden", "ofX", g, `state${g}`] as const] : []),
  ]),
)}
`;
  return few ? ofOneRow(text) : text;
}

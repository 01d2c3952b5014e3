import { lane, range } from "./wgsl.ts";

/** Elements of a row by how far they lie behind the first of an invocation's four. */
export interface Stretch {
  /** Statements that say of each four whether it is one of the row's. */
  readonly there: string;
  /** Statements that read, given where the row begins. */
  load(row: string): string;
  /** The variable of one element, as it was read, or as what was made of it under another name. */
  at(offset: number, as?: string): string;
  /** Whether an element is one of the row's. */
  thereAt(offset: number): string;
  /** The fours of which something is wanted: where each lies within the row, and its one number's lane, or null for all. */
  readonly fours: readonly { readonly place: string; readonly only: string | null }[];
}

/**
 * Elements `first` to `last` of `array`, in fours of which `own` is the invocation's and a row has `count`; a row's end is
 * that of a four. What lies behind an end is read from within the row. \`name\` is that of what was read.
 */
export function stretchOf(
  array: string,
  name: string,
  own: string,
  count: string,
  first: number,
  last: number,
): Stretch {
  const low = Math.floor(first / 4);
  const fours = range(Math.floor(last / 4) - low + 1).map((k) => {
    const four = low + k;
    const place = four < 0 ? `max(${own}, ${-four}u) - ${-four}u` : `min(${own} + ${four}u, ${count} - 1u)`;
    const wanted = range(4).filter((e) => 4 * four + e >= first && 4 * four + e <= last);
    return { place, only: wanted.length > 1 ? null : lane(wanted[0]!), there: `${own} + ${four >>> 0}u < ${count}` };
  });
  const numberOf = (offset: number): number => Math.floor(offset / 4) - low;
  return {
    fours,
    there: fours.map(({ there }, k) => `let there${k} = ${there};`).join("\n  "),
    load: (row) =>
      fours
        .map(({ place, only }, k) => `let ${name}${k} = ${array}[${row} + ${place}]${only === null ? "" : `.${only}`};`)
        .join("\n    "),
    at(offset, as = name) {
      const k = numberOf(offset);
      return fours[k]!.only === null ? `${as}${k}.${lane(offset & 3)}` : `${as}${k}`;
    },
    thereAt: (offset) => `there${numberOf(offset)}`,
  };
}

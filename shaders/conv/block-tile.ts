import { turnsOf } from "../turns.ts";

/** What GPUs differ in. */
export interface BlockTile {
  /** Places, or elements of a kernel, that an invocation computes. */
  readonly columns: 4 | 8;
  /** Terms that are written out in a turn of the inner loop of a kernel's gradient. */
  readonly unroll: 1 | 4;
  /**
   * For many registers: all loads of a turn are under way before one is waited for, and turns of the inner loop are as many as
   * compilers like to write out. Else loads are put away piece after piece, and turns only known when they are run.
   */
  readonly ahead: boolean;
}

/** The inner loop's head, over `most` turns, of which `needed` have something to do; its number is proved to be below `most`. */
export const countedTurns = ({ ahead }: BlockTile, name: string, most: number, needed: string): string =>
  ahead
    ? `for (var ${name} = 0u; ${name} < ${most}u; ${name}++) {`
    : `let turns = min(${most}u, ${needed});
      ${turnsOf("number", "turns")}
      let ${name} = number % ${most}u;`;
/** Channels of a workgroup and of an invocation, terms that pass through a workgroup's memory at a time, its invocations. */
export const BLOCK = { rows: 32, mine: 4, depth: 16, invocations: 64 } as const;
/** Invocations side by side. */
export const SIDE = 8;
/** Places of a workgroup. */
export const blockPlaces = ({ columns }: BlockTile): number => SIDE * columns;

/** How blocks lie in workgroup memory: texts for `convBlock`, which has the loops around them. */
export interface Blocks {
  readonly memory: string;
  readonly bytes: number;
  /** Lets where its terms of A and of B begin that an invocation brings in: `aAt`, `bAt`. */
  readonly starts: string;
  /** What is done with the terms from `k0` on. */
  readonly turn: string;
  /** An invocation's first channel and j-th place among those of the workgroup, and how far its channels are apart. */
  readonly channel: string;
  readonly apart: number;
  readonly place: (j: number) => string;
}

import { KERNEL, POOL } from "../../worker/conv-sizes.ts";
import type { ConvStory, Maps } from "../../worker/conv-story.ts";
import type { MapCell } from "../film/cells.tsx";

/** There, layer by layer, and back. */
export const phases = [
  "slide",
  "relu",
  "pool",
  "linear",
  "loss",
  "atOutputs",
  "atPool",
  "atRelu",
  "atConv",
  "kernel",
  "input",
  "update",
] as const;
export type Phase = (typeof phases)[number];

/** Values of the net that are drawn as maps. */
export const mapNames = ["input", "kernels", "conv", "relu", "pool", "outputs"] as const;
export type MapName = (typeof mapNames)[number];

export type Cell = MapCell<MapName>;

/** One picture of the film, and the cell that it is about. */
export interface Frame {
  readonly phase: Phase;
  readonly cell: Cell;
}

/** Where in its map a cell lies. */
export interface Place {
  readonly channel: number;
  readonly row: number;
  readonly column: number;
}

/** Values and gradients of a map. */
export function mapOf(s: ConvStory, map: MapName): Maps {
  switch (map) {
    case "kernels": {
      const { kernels } = s.parameters;
      return {
        channels: kernels.length / KERNEL ** 2,
        side: KERNEL,
        values: kernels,
        deltas: s.gradients.kernels,
      };
    }
    case "outputs":
      return { channels: s.outputs.values.length, side: 1, ...s.outputs };
    default:
      return s[map];
  }
}

export function placeOf({ side }: Pick<Maps, "side">, index: number): Place {
  return { channel: Math.floor(index / side ** 2), row: Math.floor(index / side) % side, column: index % side };
}

export const indexOf = ({ side }: Pick<Maps, "side">, { channel, row, column }: Place): number =>
  (channel * side + row) * side + column;

/** The pooling window that a place of `relu` lies in; null for those at the edge that no window reaches. */
export function windowOf(s: ConvStory, index: number): number | null {
  const { channel, row, column } = placeOf(s.relu, index);
  const at = { channel, row: Math.floor(row / POOL), column: Math.floor(column / POOL) };
  return Math.max(at.row, at.column) < s.pool.side ? indexOf(s.pool, at) : null;
}

/** Where in `relu` a window's largest lies. */
export function winnerOf(s: ConvStory, window: number): number {
  return placeOf(s.pool, window).channel * s.relu.side ** 2 + s.winners[window]!;
}

/** What each phase goes through, cell by cell; what it does to all cells at once is one picture. */
const walks: Readonly<Record<Phase, MapName | null>> = {
  slide: "conv",
  relu: null,
  pool: "pool",
  linear: "outputs",
  loss: null,
  atOutputs: "outputs",
  atPool: "pool",
  atRelu: "pool",
  atConv: null,
  kernel: "conv",
  input: "input",
  update: null,
};

export function framesOf(s: ConvStory): readonly Frame[] {
  /** Of what happens to all at once: a cell where something is to be seen. */
  const example = (phase: Phase): Cell => {
    const telling = (values: readonly number[]): number =>
      Math.max(
        0,
        values.findIndex((v) => v !== 0),
      );
    if (phase === "relu") return { map: "relu", index: telling(s.conv.values) };
    if (phase === "atConv") return { map: "conv", index: telling(s.relu.deltas) };
    return phase === "loss" ? { map: "outputs", index: s.label } : { map: "kernels", index: 0 };
  };
  return phases.flatMap((phase): Frame[] => {
    const map = walks[phase];
    if (!map) return [{ phase, cell: example(phase) }];
    return mapOf(s, map).values.map((_, index) => ({ phase, cell: { map, index } }));
  });
}

/** When a map gets its values, and when its gradients. */
const filled: Readonly<Record<MapName, readonly [values: Phase | null, deltas: Phase]>> = {
  input: [null, "input"],
  kernels: [null, "kernel"],
  conv: ["slide", "atConv"],
  relu: ["relu", "atRelu"],
  pool: ["pool", "atPool"],
  outputs: ["linear", "atOutputs"],
};

const when = (phase: Phase): number => phases.indexOf(phase);

/** Whether a map shows its gradients at a picture; it shows its values before, and a kernel while it slides over δ. */
export function showsDeltas({ phase }: Frame, map: MapName): boolean {
  if (map === "kernels" && phase === "input") return false;
  return when(phase) >= when(filled[map][1]);
}

/** Whether a cell's number has been found at a picture. */
export function isKnown(s: ConvStory, frame: Frame, { map, index }: Cell): boolean {
  const [values, deltas] = filled[map];
  const since = showsDeltas(frame, map) ? deltas : values;
  if (since === null || when(frame.phase) > when(since)) return true;
  if (frame.phase !== since) return false;
  if (frame.phase === "atRelu") return (windowOf(s, index) ?? -1) <= frame.cell.index;
  // A kernel's sums grow from place to place, and are there from its first.
  if (frame.phase === "kernel") {
    return placeOf(mapOf(s, map), index).channel <= placeOf(s.conv, frame.cell.index).channel;
  }
  return walks[since] === null || index <= frame.cell.index;
}

/** Whether a place of `relu` is marked as its window's largest. */
export function hasWon(s: ConvStory, { phase, cell }: Frame, index: number): boolean {
  const window = windowOf(s, index);
  if (window === null || winnerOf(s, window) !== index) return false;
  return when(phase) > when("pool") || (phase === "pool" && window <= cell.index);
}

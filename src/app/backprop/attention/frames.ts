import { isHidden } from "../../worker/attention-sizes.ts";
import type { AttentionStory, Matrix } from "../../worker/attention-story.ts";
import type { MapCell } from "../film/cells.tsx";

/** There, from the steps to the loss, and back. */
export const phases = [
  "query",
  "keys",
  "values",
  "scores",
  "mask",
  "softmax",
  "output",
  "loss",
  "atOutput",
  "atValues",
  "atWeights",
  "atScores",
  "atQuery",
  "atKeys",
  "projections",
  "input",
  "update",
] as const;
export type Phase = (typeof phases)[number];

/** What is drawn as maps, in the order in which values flow; those in one list stand under each other. */
export const columns = [
  ["x"],
  ["wq", "wk", "wv"],
  ["q", "k", "v"],
  ["scores", "weights"],
  ["output", "target"],
] as const;
export type MapName = (typeof columns)[number][number];
export const mapNames: readonly MapName[] = columns.flat();

export type Cell = MapCell<MapName>;

/** One picture of the film, and the cell that it is about. */
export interface Frame {
  readonly phase: Phase;
  readonly cell: Cell;
}

/** Maps whose numbers people may change. */
export const editable: readonly MapName[] = ["x", "wq", "wk", "wv", "target"];
/** Those that the film learns. */
export const projections = ["wq", "wk", "wv"] as const;
export type Projection = (typeof projections)[number];
export const isProjection = (map: MapName): map is Projection => projections.some((p) => p === map);

/** Values and gradients of a map; nothing comes back to the target. */
export function mapOf(s: AttentionStory, map: MapName): Matrix {
  return map === "target" ? { rows: 1, columns: s.width, values: s.target, deltas: [] } : s[map];
}

export const placeOf = ({ columns: n }: Pick<Matrix, "columns">, index: number) => ({
  row: Math.floor(index / n),
  column: index % n,
});

/** A phase goes through its maps cell by cell, or row by row; what it does to all at once is one picture. */
const walks: Readonly<Record<Phase, { readonly maps: readonly MapName[]; readonly by: "cell" | "row" | "all" }>> = {
  query: { maps: ["q"], by: "cell" },
  keys: { maps: ["k"], by: "row" },
  values: { maps: ["v"], by: "row" },
  scores: { maps: ["scores"], by: "cell" },
  mask: { maps: ["scores"], by: "all" },
  softmax: { maps: ["weights"], by: "cell" },
  output: { maps: ["output"], by: "cell" },
  loss: { maps: ["output"], by: "all" },
  atOutput: { maps: ["output"], by: "cell" },
  atValues: { maps: ["v"], by: "row" },
  atWeights: { maps: ["weights"], by: "cell" },
  atScores: { maps: ["scores"], by: "cell" },
  atQuery: { maps: ["q"], by: "cell" },
  atKeys: { maps: ["k"], by: "row" },
  projections: { maps: projections, by: "row" },
  input: { maps: ["x"], by: "row" },
  update: { maps: ["wq"], by: "all" },
};

/** Of a row, its last cell, so that all of it has been found; of all at once, where there is something to see. */
export function framesOf(s: AttentionStory): readonly Frame[] {
  return phases.flatMap((phase) => {
    const { maps, by } = walks[phase];
    return maps.flatMap((map): Frame[] => {
      const { values, columns: n } = mapOf(s, map);
      if (by === "all") {
        const hidden = phase === "mask" ? values.findIndex((_, i) => isHidden(s, i)) : 0;
        return [{ phase, cell: { map, index: Math.max(0, hidden) } }];
      }
      const every = by === "row" ? n : 1;
      return values.flatMap((_, index) => ((index + 1) % every === 0 ? [{ phase, cell: { map, index } }] : []));
    });
  });
}

/** When a map gets its values, and when its gradients; null: from the start, or never. */
const filled: Readonly<Record<MapName, readonly [values: Phase | null, deltas: Phase | null]>> = {
  x: [null, "input"],
  wq: [null, "projections"],
  wk: [null, "projections"],
  wv: [null, "projections"],
  q: ["query", "atQuery"],
  k: ["keys", "atKeys"],
  v: ["values", "atValues"],
  scores: ["scores", "atScores"],
  weights: ["softmax", "atWeights"],
  output: ["output", "atOutput"],
  target: [null, null],
};

const when = (phase: Phase): number => phases.indexOf(phase);

/** Whether a map shows its gradients at a picture; it shows its values before. */
export function showsDeltas({ phase }: Frame, map: MapName): boolean {
  const since = filled[map][1];
  return since !== null && when(phase) >= when(since);
}

/** What a map shows at a picture: of scores behind the mask, what the mask makes of them. */
export function shownOf(s: AttentionStory, frame: Frame, map: MapName): readonly number[] {
  const { values, deltas } = mapOf(s, map);
  if (showsDeltas(frame, map)) return deltas;
  if (map !== "scores" || when(frame.phase) < when("mask")) return values;
  return values.map((v, i) => (isHidden(s, i) ? Number.NEGATIVE_INFINITY : v));
}

/** Whether a cell's number has been found at a picture. */
export function isKnown(frame: Frame, { map, index }: Cell): boolean {
  const [values, deltas] = filled[map];
  const since = showsDeltas(frame, map) ? deltas : values;
  if (since === null || when(frame.phase) > when(since)) return true;
  if (frame.phase !== since) return false;
  const { maps } = walks[since];
  const [mine, now] = [maps.indexOf(map), maps.indexOf(frame.cell.map)];
  return mine < now || (mine === now && index <= frame.cell.index);
}

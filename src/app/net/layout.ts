/** Sizes in pixels of a drawing that is not scaled. */
export const NODE = { width: 216, height: 42 } as const;
const GAP = { x: 26, y: 24 } as const;
/** Between two lines that pass boxes by, and around everything. */
const LANE = 18;
const MARGIN = 6;

export type Point = readonly [x: number, y: number];

export interface Place {
  readonly x: number;
  readonly y: number;
}

/** A line from a box to one that reads it. -1 is the model's input. */
export interface Line {
  readonly from: number;
  readonly to: number;
  /** Its corners. */
  readonly points: readonly Point[];
  /** Whether it passes boxes by, as a short cut does. */
  readonly passes: boolean;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** The model's input, then each box. */
  readonly places: readonly Place[];
  readonly lines: readonly Line[];
}

/**
 * Boxes in rows, each below all that it reads, branches side by side. A line to the next row is straight; one that would
 * meet boxes on its way goes round them on the right. `sources` says what each box reads, -1 being the input.
 */
export function layoutOf(sources: readonly (readonly number[])[]): Layout {
  // The input is box 0 from here on.
  const reads = sources.map((list) => list.map((s) => s + 1));
  const rows = [0];
  const columns = [0];
  const taken = new Set(["0,0"]);
  const free = (column: number, from: number, to: number): boolean => {
    for (let row = from; row < to; row++) if (taken.has(`${column},${row}`)) return false;
    return true;
  };
  for (const list of reads) {
    const row = 1 + Math.max(0, ...list.map((s) => rows[s]!));
    let column = columns[list[0] ?? 0]!;
    while (taken.has(`${column},${row}`)) column++;
    taken.add(`${column},${row}`);
    rows.push(row);
    columns.push(column);
  }
  /** Where the boxes of rows `from` to `to` end on the right. */
  const rightOf = (from: number, to: number): number => {
    const column = Math.max(...columns.filter((_, i) => rows[i]! >= from && rows[i]! <= to));
    return (column + 1) * (NODE.width + GAP.x) - GAP.x + MARGIN;
  };
  const places = rows.map((row, i) => ({
    x: MARGIN + columns[i]! * (NODE.width + GAP.x),
    y: MARGIN + row * (NODE.height + GAP.y),
  }));
  /** Lines that run down beside boxes: where, and over which rows. */
  const lanes: { readonly x: number; readonly from: number; readonly to: number }[] = [];
  const laneFor = (from: number, to: number): number => {
    const met = lanes.filter((lane) => lane.from < to && from < lane.to);
    let x = rightOf(from, to) + LANE;
    while (met.some((lane) => Math.abs(lane.x - x) < LANE)) x += LANE;
    lanes.push({ x, from, to });
    return x;
  };
  /** Whether nothing stands on the right of a box. */
  const clear = (i: number): boolean => columns.every((c, k) => rows[k] !== rows[i] || c <= columns[i]!);
  const lines = reads.flatMap((list, k): Line[] =>
    list.map((from): Line => {
      const to = k + 1;
      const [a, b] = [places[from]!, places[to]!];
      const [xa, xb] = [a.x + NODE.width / 2, b.x + NODE.width / 2];
      const base = { from: from - 1, to: to - 1 };
      const below: Point = [xa, a.y + NODE.height];
      const above: Point = [xb, b.y];
      const straight = columns[from] === columns[to];
      if (free(columns[from]!, rows[from]! + 1, rows[to]!)) {
        if (straight) return { ...base, points: [below, above], passes: false };
        const turn = b.y - GAP.y / 2;
        return { ...base, points: [below, [xa, turn], [xb, turn], above], passes: false };
      }
      if (!straight && free(columns[to]!, rows[from]! + 1, rows[to]!)) {
        const turn = a.y + NODE.height + GAP.y / 2;
        return { ...base, points: [below, [xa, turn], [xb, turn], above], passes: false };
      }
      const x = laneFor(rows[from]!, rows[to]!);
      // Out of the box's side, and in at it; between rows where another box stands there.
      const [ya, yb] = [a.y + NODE.height / 2, b.y + NODE.height / 2];
      const [under, over] = [a.y + NODE.height + GAP.y / 2, b.y - GAP.y / 2];
      const out: Point[] = clear(from)
        ? [
            [a.x + NODE.width, ya],
            [x, ya],
          ]
        : [below, [xa, under], [x, under]];
      const back: Point[] = clear(to)
        ? [
            [x, yb],
            [b.x + NODE.width, yb],
          ]
        : [[x, over], [xb, over], above];
      return { ...base, points: [...out, ...back], passes: true };
    }),
  );
  return {
    width: Math.max(rightOf(0, Number.POSITIVE_INFINITY), ...lanes.map((lane) => lane.x + LANE / 2)) + MARGIN,
    height: 2 * MARGIN + (Math.max(...rows) + 1) * (NODE.height + GAP.y) - GAP.y,
    places,
    lines,
  };
}

/** Radius of a corner, where there is room for it. */
const ROUND = 14;

/** A line as an SVG path with round corners. */
export function pathOf(points: readonly Point[]): string {
  const [first, ...rest] = points as readonly [Point, ...Point[]];
  const toward = ([x, y]: Point, [tx, ty]: Point): Point => {
    const length = Math.hypot(tx - x, ty - y);
    const by = length === 0 ? 0 : Math.min(ROUND, length / 2) / length;
    return [x + (tx - x) * by, y + (ty - y) * by];
  };
  const parts = rest.map((corner, i) => {
    const next = rest[i + 1];
    if (!next) return `L${corner}`;
    return `L${toward(corner, points[i]!)} Q${corner} ${toward(corner, next)}`;
  });
  return `M${first} ${parts.join(" ")}`;
}

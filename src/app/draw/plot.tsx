import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./plot.css";
import { dark } from "../state/theme.ts";
import { token } from "./colours.ts";
import { short, tick } from "./format.ts";

export interface Line {
  readonly label: string;
  readonly colour: string;
  readonly width: number;
  readonly dash?: number[];
  /** Draws its points too: for curves of few. */
  readonly points?: boolean;
  readonly x: readonly number[];
  readonly y: readonly (number | null)[];
}

export interface PlotProps {
  readonly label: string;
  readonly height: number;
  readonly x: string;
  readonly logX: boolean;
  readonly logY: boolean;
  readonly lines: () => readonly Line[];
  /** Changes when the lines have new points. */
  readonly version: ReadonlySignal<unknown>;
  readonly onPlot?: (u: uPlot) => void;
  readonly legend?: boolean;
}

/** Time between two drawings, however often news comes: the page must not be busy with its own pictures. */
const DRAW_MS = 90;

/** Below this a loss is nothing but rounding; a logarithmic axis down to it would show nothing else. */
const LEAST = 1e-20;

/** A logarithm has no place for 0, nor a drawing for what is not finite: such points are left out. */
const drawable = (v: number | null, log: boolean): number | null =>
  v === null || !Number.isFinite(v) || (log && v < LEAST) ? null : v;

function dataOf(lines: readonly Line[], logY: boolean): uPlot.AlignedData {
  const tables = lines.map((l): uPlot.AlignedData => [[...l.x], l.y.map((v) => drawable(v, logY))]);
  return tables.length === 1 ? tables[0]! : uPlot.join(tables);
}

/** Curves over steps, live: lines with their own x, values under the cursor, logarithmic axes. */
export function Plot(props: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const scheme = dark.value;
  const lines = props.lines();
  const shape = JSON.stringify([
    lines.map((l) => [l.label, l.colour, l.width]),
    props.logX,
    props.logY,
    scheme,
    props.label,
    props.x,
  ]);
  useEffect(() => {
    const host = box.current!;
    const made = new uPlot(optionsFor(props, lines, host.clientWidth), dataOf(lines, props.logY), host);
    props.onPlot?.(made);
    let drawn = performance.now();
    let waiting = 0;
    const draw = () => {
      waiting = 0;
      drawn = performance.now();
      const now = latest.current.lines();
      if (now.length === lines.length) made.setData(dataOf(now, props.logY));
    };
    const stop = props.version.subscribe(() => {
      if (!waiting) waiting = window.setTimeout(draw, Math.max(0, DRAW_MS - (performance.now() - drawn)));
    });
    const watch = new ResizeObserver(() => made.setSize({ width: host.clientWidth, height: props.height }));
    watch.observe(host);
    return () => {
      clearTimeout(waiting);
      stop();
      watch.disconnect();
      made.destroy();
    };
  }, [shape]);
  return <div ref={box} class="plot" role="group" aria-label={props.label} />;
}

/** Powers of ten, every one or every so many: lines between them would be a hatching. */
function decades(low: number, high: number): number[] {
  const [from, to] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  if (to - from < 2) {
    const near = [1, 2, 5].flatMap((m) => Array.from({ length: to - from + 3 }, (_, i) => m * 10 ** (from - 1 + i)));
    return near.filter((v) => v >= low && v <= high).sort((a, b) => a - b);
  }
  const apart = Math.max(1, Math.ceil((to - from) / 6));
  const all = Array.from({ length: to - from + 1 }, (_, i) => from + i).filter((p) => p % apart === 0);
  return all.map((p) => 10 ** p);
}

/** uPlot would label powers of ten alone. */
const every: uPlot.Axis.Filter = (_u, splits) => splits;

function optionsFor(props: PlotProps, lines: readonly Line[], width: number): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: token("--text-soft"),
    grid: { stroke: token("--line"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui",
    values: (_u, values) => values.map((v) => (v === null ? "" : tick(v))),
  };
  return {
    width,
    height: props.height,
    legend: { show: props.legend ?? true, live: true },
    cursor: { sync: { key: "steps" }, drag: { x: true, y: false } },
    scales: { x: { time: false, distr: props.logX ? 3 : 1 }, y: { distr: props.logY ? 3 : 1 } },
    axes: [
      {
        ...axis,
        size: 26,
        ...(props.logX ? { splits: (_u, _i, low, high) => decades(low, high), filter: every } : {}),
      },
      {
        ...axis,
        size: 52,
        ...(props.logY ? { splits: (_u, _i, low, high) => decades(low, high), filter: every } : {}),
      },
    ],
    series: [
      { label: props.x, value: (_u, v) => (v === null || v === undefined ? "–" : String(v)) },
      ...lines.map(
        (l): uPlot.Series => ({
          label: l.label,
          stroke: l.colour,
          width: l.width,
          spanGaps: true,
          points: { show: l.points ?? false, size: 5, fill: l.colour },
          ...(l.dash ? { dash: l.dash } : {}),
          value: (_u, v) => (v === null || v === undefined ? "–" : short(v, 5)),
        }),
      ),
    ],
  };
}

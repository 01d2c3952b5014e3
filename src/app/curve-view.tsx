import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { curve, curveVersion, t } from "./store.ts";

/** A colour of the style sheet, as the canvas wants it. */
function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const HEIGHT = 300;

/** The loss over the steps, live. */
export function CurveView() {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const log = useSignal(true);

  useEffect(() => {
    const host = box.current!;
    const axis = { stroke: () => colour("--text-soft"), grid: { stroke: () => colour("--line"), width: 1 }, ticks: { show: false } };
    const options: uPlot.Options = {
      width: host.clientWidth,
      height: HEIGHT,
      legend: { show: true, live: true },
      scales: { x: { time: false }, y: { distr: log.value ? 3 : 1 } },
      axes: [axis, { ...axis, size: 64, values: (_u, values) => values.map((v) => (v === null ? "" : String(Number(v.toPrecision(2))))) }],
      series: [
        { label: t.value("stepCount") },
        {
          label: t.value("loss"),
          stroke: () => colour("--accent"),
          width: 1.5,
          points: { show: false },
          value: (_u, v) => (v === null || v === undefined ? "--" : v.toPrecision(5)),
        },
      ],
    };
    const made = new uPlot(options, [[], []], host);
    plot.current = made;
    const draw = () => made.setData(dataFor(log.value));
    draw();
    const stop = curveVersion.subscribe(draw);
    const watch = new ResizeObserver(() => made.setSize({ width: host.clientWidth, height: HEIGHT }));
    watch.observe(host);
    return () => {
      stop();
      watch.disconnect();
      made.destroy();
    };
  }, [log.value, t.value]);

  return (
    <section class="card">
      <header>
        <h2>{t.value("loss")}</h2>
        <label class="inline">
          <input type="checkbox" checked={log.value} onChange={() => (log.value = !log.value)} />
          {t.value("logLoss")}
        </label>
      </header>
      <div ref={box} class="curve" />
    </section>
  );
}

/** A logarithm has no place for 0: such points are left out. */
function dataFor(log: boolean): uPlot.AlignedData {
  return [curve.steps, log ? curve.losses.map((v) => (v > 0 ? v : null)) : curve.losses];
}

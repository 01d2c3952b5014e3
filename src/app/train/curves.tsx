import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type uPlot from "uplot";
import { type Line, Plot } from "../draw/plot.tsx";
import { save } from "../draw/save.ts";
import { Card } from "../shell/card.tsx";
import { lazy } from "../shell/lazy.tsx";
import { smoothing } from "../state/curve.ts";
import { curveVersion, keepRun, kept, live, MOST_KEPT, type Run } from "../state/runs.ts";
import { colourOf, lossLines } from "./loss-lines.ts";
import { say } from "./strings.ts";

const RunList = lazy(async () => (await import("./run-list.tsx")).RunList);

const overRuns = (
  pick: (r: Run) => { x: readonly number[]; y: readonly (number | null)[] },
  label: string,
): readonly Line[] =>
  [...kept.value, live.value].map((r) => ({
    label: r.id === live.value.id ? label : r.name,
    colour: colourOf(r),
    width: 1.5,
    ...pick(r),
  }));

/** Loss, accuracy, gradient norm and rate over the steps, of this run and of those kept. */
export function Curves() {
  const logX = useSignal(false);
  const logY = useSignal(true);
  const level = useSignal(2);
  const plot = useRef<uPlot | null>(null);
  void kept.value;
  const small = { height: 130, x: say("step"), logX: logX.value, version: curveVersion, legend: false };
  const toggle = (signal: { value: boolean }, label: string, id: string) => (
    <label class="inline">
      <input
        type="checkbox"
        id={id}
        checked={signal.value}
        onChange={() => {
          signal.value = !signal.value;
        }}
      />
      {label}
    </label>
  );
  return (
    <Card
      title={say("curves")}
      part="curves"
      id="curves"
      actions={
        <>
          {toggle(logX, say("logX"), "log-x")}
          {toggle(logY, say("logY"), "log-y")}
          <label class="inline">
            {say("smoothing")}
            <select
              id="smoothing"
              value={level.value}
              onChange={(e) => {
                level.value = Number(e.currentTarget.value);
              }}
            >
              {smoothing.map((a, i) => (
                <option key={a} value={i}>
                  {a === 0 ? say("none") : a}
                </option>
              ))}
            </select>
          </label>
          <button
            type="button"
            id="keep"
            title={say("keepHint")}
            disabled={kept.value.length >= MOST_KEPT}
            onClick={() => keepRun()}
          >
            {say("keep")}
          </button>
          <button
            type="button"
            id="csv"
            onClick={async () => {
              const { curvesCsv } = await import("./csv.ts");
              save("chainrule.csv", curvesCsv([...kept.value, live.value]), "text/csv");
            }}
          >
            {say("csv")}
          </button>
          <button type="button" onClick={() => plot.current?.ctx.canvas.toBlob((b) => b && save("chainrule.png", b))}>
            {say("png")}
          </button>
        </>
      }
    >
      <Plot
        label={say("loss")}
        height={270}
        x={say("step")}
        logX={logX.value}
        logY={logY.value}
        version={curveVersion}
        lines={() => lossLines(level.value)}
        onPlot={(u) => {
          plot.current = u;
        }}
      />
      <div class="small-plots">
        <figure>
          <figcaption>{say("accuracy")}</figcaption>
          <Plot
            {...small}
            logY={false}
            label={say("accuracy")}
            lines={() => overRuns((r) => ({ x: r.evaluations.steps, y: r.evaluations.accuracies }), say("accuracy"))}
          />
        </figure>
        <figure>
          <figcaption>{say("norm")}</figcaption>
          <Plot
            {...small}
            logY
            label={say("norm")}
            lines={() => overRuns((r) => ({ x: r.curve.steps, y: r.curve.norms }), say("norm"))}
          />
        </figure>
        <figure>
          <figcaption>{say("rate")}</figcaption>
          <Plot
            {...small}
            logY={false}
            label={say("rate")}
            lines={() => overRuns((r) => ({ x: r.curve.steps, y: r.curve.rates }), say("rate"))}
          />
        </figure>
      </div>
      {kept.value.length > 0 && <RunList />}
    </Card>
  );
}

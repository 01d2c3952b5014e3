import { BoundaryView } from "./boundary-view.tsx";
import { CurveView } from "./curve-view.tsx";
import { evaluation, loss, run, step, stepsPerSecond, t } from "./store.ts";

function Figure(props: { name: string; value: string; id?: string }) {
  return (
    <div class="figure">
      <dt>{props.name}</dt>
      <dd id={props.id}>{props.value}</dd>
    </div>
  );
}

/** Binary kilobytes or megabytes. */
function bytesText(bytes: number): string {
  return bytes < 2 ** 20 ? `${Math.round(bytes / 1024)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** Loss, accuracy and speed, live. */
export function TrainRoom() {
  const info = run.value;
  const found = evaluation.value;
  const epoch = info ? step.value / info.stepsPerEpoch : 0;
  return (
    <>
      <dl class="figures card">
        <Figure name={t.value("stepCount")} value={step.value.toLocaleString("en")} id="step-count" />
        <Figure name={t.value("epoch")} value={epoch.toFixed(1)} />
        <Figure name={t.value("loss")} value={loss.value === null ? "–" : loss.value.toPrecision(4)} id="loss" />
        {found?.accuracy !== null && found !== null && (
          <Figure
            name={t.value(found.on === "test" ? "accuracyTest" : "accuracyTrain")}
            value={`${(100 * found.accuracy).toFixed(1)} %`}
            id="accuracy"
          />
        )}
        <Figure name={t.value("perSecond")} value={stepsPerSecond.value ? Math.round(stepsPerSecond.value).toLocaleString("en") : "–"} />
        {info && <Figure name={t.value("parameters")} value={info.parameters.toLocaleString("en")} />}
        {info && <Figure name={t.value("rows")} value={info.rows.toLocaleString("en")} />}
        {info && <Figure name={t.value("memory")} value={bytesText(info.bytes)} />}
      </dl>
      <p class="hidden" aria-live="polite">
        {step.value % 500 < 20 && loss.value !== null ? `${t.value("loss")} ${loss.value.toPrecision(3)}` : ""}
      </p>
      <div class="pictures">
        <CurveView />
        <BoundaryView />
      </div>
    </>
  );
}

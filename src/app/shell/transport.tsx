import { useSignal } from "@preact/signals";
import { bytesText, count, percent, short } from "../draw/format.ts";
import {
  evaluation,
  loss,
  playing,
  rewind,
  run,
  setSpeed,
  speed,
  step,
  stepsPerSecond,
  takeSteps,
  togglePlay,
} from "../state/store.ts";
import { say } from "./strings.ts";

const jumps = [10, 100, 1000] as const;
/** Steps a second to watch at; 0 is as fast as it goes. */
const speeds = [0, 1000, 100, 10] as const;

function Figure(props: { name: string; value: string; id: string }) {
  return (
    <div class="figure">
      <dt>{props.name}</dt>
      <dd id={props.id}>{props.value}</dd>
    </div>
  );
}

/** Play, pause, one step, many steps, rewind; and where the run stands. The same in every room. */
export function Transport() {
  const jump = useSignal<number>(100);
  const info = run.value;
  const found = evaluation.value;
  return (
    <section class="transport" aria-label={say("transport")}>
      <div class="buttons">
        <button type="button" class="primary" id="play" onClick={togglePlay}>
          <span aria-hidden="true">{playing.value ? "❚❚" : "▶"}</span> {playing.value ? say("pause") : say("play")}
        </button>
        <button type="button" id="step" onClick={() => takeSteps(1)}>
          {say("step")}
        </button>
        <span class="joined">
          <button type="button" id="steps" aria-label={`+${jump.value}`} onClick={() => takeSteps(jump.value)}>
            +
          </button>
          <select
            aria-label={say("steps")}
            value={jump.value}
            onChange={(e) => {
              jump.value = Number(e.currentTarget.value);
            }}
          >
            {jumps.map((n) => (
              <option key={n} value={n}>
                {n}
              </option>
            ))}
          </select>
        </span>
        <button type="button" id="reset" onClick={rewind}>
          <span aria-hidden="true">↺</span> {say("rewind")}
        </button>
        <select
          id="speed"
          aria-label={say("speed")}
          value={speed.value}
          onChange={(e) => setSpeed(Number(e.currentTarget.value))}
        >
          {speeds.map((v) => (
            <option key={v} value={v}>
              {v === 0 ? say("fullSpeed") : `${v} ${say("perSecond")}`}
            </option>
          ))}
        </select>
      </div>
      <dl class="figures">
        <Figure name={say("stepCount")} value={count(step.value)} id="step-count" />
        <Figure name={say("epoch")} value={info ? (step.value / info.stepsPerEpoch).toFixed(1) : "–"} id="epoch" />
        <Figure name={say("loss")} value={loss.value === null ? "–" : short(loss.value, 4)} id="loss" />
        {found && found.accuracy !== null && (
          <Figure
            name={say(found.on === "test" ? "accuracyTest" : "accuracyTrain")}
            value={percent(found.accuracy)}
            id="accuracy"
          />
        )}
        <Figure name={say("perSecond")} value={stepsPerSecond.value ? count(stepsPerSecond.value) : "–"} id="rate" />
        <Figure name={say("memory")} value={info ? bytesText(info.bytes) : "–"} id="memory" />
      </dl>
      <p class="unseen" aria-live="polite">
        {loss.value !== null && (!playing.value || step.value % 5000 < 200)
          ? say("liveLoss", { step: step.value, loss: short(loss.value) })
          : ""}
      </p>
    </section>
  );
}

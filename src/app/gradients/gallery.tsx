import { Plot } from "../draw/plot.tsx";
import { Card } from "../shell/card.tsx";
import { say as sayFault } from "../shell/fault-strings.ts";
import { say as common } from "../shell/strings.ts";
import { curveVersion, kept } from "../state/runs.ts";
import { type Fault, faults } from "../state/settings.ts";
import { setFault, settings } from "../state/store.ts";
import { lossLines } from "../train/loss-lines.ts";
import type { Verdict } from "../worker/xray.ts";
import { report } from "./state.ts";
import { say } from "./strings.ts";

type Break = Exclude<Fault, "none">;

/** The check that finds each of them: what a test holds the gallery to. */
const caughtBy: Readonly<Record<Break, Verdict["check"]>> = {
  printed: "finite",
  transpose: "device",
  batch: "device",
  edge: "device",
  dead: "dead",
  zeros: "same",
  rate: "loss",
};

/** Things made wrong on purpose, to see what the loss does and what finds them. */
export function Gallery() {
  void kept.value;
  const on = settings.value.fault;
  return (
    <Card title={say("gallery")} part="gallery" id="gallery">
      <p class="soft">{say("galleryIntro")}</p>
      <ul class="gallery">
        {faults.map((fault) => {
          if (fault === "none") return null;
          const isOn = on === fault;
          const found = isOn && report.value?.verdicts.some((v) => v.check === caughtBy[fault] && !v.pass);
          return (
            <li key={fault} class={isOn ? "on" : ""} data-check={caughtBy[fault]} id={`fault-${fault}`}>
              <h3>{sayFault(`fault${fault}`)}</h3>
              <p>{say(`about${fault}`)}</p>
              <p class={`catch ${found ? "bad-text" : "soft"}`}>
                {found ? "✗ " : ""}
                {say("caughtBy")}: {say(`check${caughtBy[fault]}`)}
              </p>
              <button type="button" aria-pressed={isOn} onClick={() => setFault(isOn ? "none" : fault)}>
                {say(isOn ? "switchOff" : "switchOn")}
              </button>
            </li>
          );
        })}
      </ul>
      {on !== "none" && (
        <>
          <h3>{say("course")}</h3>
          <Plot
            label={say("course")}
            height={200}
            x={common("stepCount")}
            logX
            logY
            version={curveVersion}
            lines={() => lossLines(2)}
          />
        </>
      )}
    </Card>
  );
}

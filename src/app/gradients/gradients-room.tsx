import { useEffect } from "preact/hooks";
import { short } from "../draw/format.ts";
import { Card } from "../shell/card.tsx";
import { CopyButton } from "../shell/copy-button.tsx";
import { engine } from "../state/engine.ts";
import { step } from "../state/store.ts";
import type { Verdict, XrayReport } from "../worker/xray.ts";
import { Gallery } from "./gallery.tsx";
import "./gradients.css";
import { Heatmap } from "./heatmap.tsx";
import { cancel, checking, checkNow, opened, progress, report } from "./state.ts";
import { say } from "./strings.ts";
import { TensorTable } from "./table.tsx";

function Check({ verdict: v }: { verdict: Verdict }) {
  const ailment = v.ailments[0];
  const values = {
    tensor: v.tensor ?? "",
    count: ailment?.count ?? 0,
    of: ailment?.of ?? 0,
    first: short(v.loss?.[0] ?? Number.NaN),
    last: short(v.loss?.[1] ?? Number.NaN),
  };
  return (
    <li class={v.pass ? "pass" : "fail"} id={`check-${v.check}`}>
      <b>
        <span aria-hidden="true">{v.pass ? "✓" : "✗"}</span> {say(`check${v.check}`)}
        <span class="unseen"> {say(v.pass ? "passed" : "failed")}</span>
      </b>
      <span>{v.pass ? say(`ok${v.check}`) : say(`bad${v.check}`, values)}</span>
    </li>
  );
}

function summary(r: XrayReport): string {
  const failed = r.verdicts.filter((v) => !v.pass).map((v) => say(`check${v.check}`));
  if (r.firstDivergent) {
    return `${say("goesWrong", { tensor: r.firstDivergent })} ${say("caught", { check: failed.join(", ") })}`;
  }
  if (failed.length > 0) return say("ailing", { check: failed.join(", ") });
  return r.pass ? say("allRight") : say("nothingShown");
}

/** The X-ray of the user's own net at this very step, and ways to break it. */
export function GradientsRoom() {
  useEffect(opened, []);
  const r = report.value;
  const failed = r && (r.firstDivergent !== null || r.verdicts.some((v) => !v.pass));
  const tone = failed ? "bad" : r?.pass ? "good" : "unsure";
  return (
    <>
      <Card
        title={say("xray")}
        id="xray"
        actions={
          <>
            {checking.value ? (
              <button type="button" id="check-cancel" onClick={cancel}>
                {say("cancel")}
              </button>
            ) : (
              <button type="button" class="primary" id="check" onClick={checkNow}>
                {say("check")}
              </button>
            )}
            <span title={say("testHint")}>
              <CopyButton id="copy-test" label={say("test")} text={() => engine.replay()} />
            </span>
          </>
        }
      >
        <p class="soft">{say("intro")}</p>
        {checking.value && (
          <p class="soft" role="status" id="check-progress">
            <progress
              aria-label={say("checking")}
              {...(progress.value ? { value: progress.value.done, max: progress.value.of } : {})}
            />{" "}
            {progress.value ? say("compared", { ...progress.value }) : say("checking")}
          </p>
        )}
        {r && (
          <>
            <p id="verdict" class={`verdict-line ${tone}`} role="status">
              {{ good: "✓", bad: "✗", unsure: "?" }[tone]} {summary(r)}
            </p>
            <ul class="checks" aria-label={say("checks")}>
              {r.verdicts.map((v) => (
                <Check key={v.check} verdict={v} />
              ))}
            </ul>
            <p class="soft">
              {say("checkedAt", { step: r.step, rows: r.rows, device: r.backend ?? "" })}
              {step.value > r.step ? ` ${say("old")}` : ""}
            </p>
          </>
        )}
      </Card>
      <TensorTable />
      <Heatmap />
      <Gallery />
    </>
  );
}

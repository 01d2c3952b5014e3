import { useSignal } from "@preact/signals";
import { save } from "../draw/save.ts";
import { Card } from "../shell/card.tsx";
import { CopyButton } from "../shell/copy-button.tsx";
import { engine } from "../state/engine.ts";
import { adapter } from "../state/store.ts";
import "./bench.css";
import { Plots } from "./plots.tsx";
import { cancel, chosen, earlier, max, progress, report, reportFrom, running, sections, start } from "./state.ts";
import { say } from "./strings.ts";
import { Tables } from "./tables.tsx";

const widths = [64, 128, 256, 512, 1024, 2048, 4096, 8192] as const;

/** What is being measured, in the page's language; products and nets go by their own names. */
function doing(label: string): string {
  if (label.startsWith("ceiling")) return say("sectionceilings");
  if (label.startsWith("crossover")) return say("sectioncrossover");
  return label === "logging" ? say("sectionlogging") : label;
}

function Progress() {
  const { label, share, seconds } = progress.value;
  if (running.value) {
    const left = share > 0.01 ? Math.ceil((seconds * (1 - share)) / share) : "…";
    return (
      <p class="soft" role="status" id="bench-progress">
        <progress value={share} max={1} aria-label={say("run")} /> {say("left", { label: doing(label), seconds: left })}
      </p>
    );
  }
  if (!report.value) return null;
  const done = report.value.complete ? say("done", { seconds: Math.round(seconds) }) : say("stopped");
  return (
    <p class="soft" role="status" id="bench-progress">
      {done}
    </p>
  );
}

function Earlier() {
  const wrong = useSignal(false);
  const take = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    const found = reportFrom(await file.text());
    wrong.value = found === null;
    if (found) earlier.value = found;
  };
  const old = earlier.value;
  return (
    <div class="buttons">
      <label class="file">
        <input
          type="file"
          id="bench-file"
          accept=".json"
          onChange={(e) => {
            take(e.currentTarget.files?.[0]);
            e.currentTarget.value = "";
          }}
        />
        <span>{say("load")}</span>
      </label>
      {old && (
        <>
          <span class="soft" id="bench-earlier">
            {say("earlier", { adapter: old.adapter?.description ?? say("cpu"), date: old.date.slice(0, 10) })}
          </span>
          <button
            type="button"
            class="small"
            onClick={() => {
              earlier.value = null;
            }}
          >
            {say("forget")}
          </button>
        </>
      )}
      {wrong.value && (
        <span class="error" role="alert">
          {say("unlike")}
        </span>
      )}
    </div>
  );
}

/** What this device can do, measured here and now. */
export function BenchRoom() {
  const r = report.value;
  const a = adapter.value;
  return (
    <>
      <Card
        title={say("title")}
        id="bench"
        actions={
          r &&
          !running.value && (
            <>
              <CopyButton id="bench-markdown" label={say("markdown")} text={() => engine.markdown(r)} />
              <CopyButton id="bench-json" label={say("json")} text={() => JSON.stringify(r)} />
              <button
                type="button"
                onClick={() =>
                  save(`chainrule-bench-${r.date.slice(0, 10)}.json`, JSON.stringify(r), "application/json")
                }
              >
                {say("save")}
              </button>
            </>
          )
        }
      >
        <p class="soft">{say("intro")}</p>
        {a?.missing && <p class="soft">{say("noGpu")}</p>}
        {a?.software && <p class="soft">{say("software")}</p>}
        <div class="buttons bench-choices">
          <label class="inline">
            {say("widest")}
            <select
              id="bench-max"
              value={max.value}
              disabled={running.value}
              onChange={(e) => {
                max.value = Number(e.currentTarget.value);
              }}
            >
              {widths.map((w) => (
                <option key={w} value={w}>
                  {w}
                </option>
              ))}
            </select>
          </label>
          {sections.map((name) => (
            <label class="inline" key={name}>
              <input
                type="checkbox"
                checked={chosen.value.includes(name)}
                disabled={running.value}
                onChange={() => {
                  const on = chosen.value.includes(name);
                  chosen.value = sections.filter((n) => (n === name ? !on : chosen.value.includes(n)));
                }}
              />
              {say(`section${name}`)}
            </label>
          ))}
          {running.value ? (
            <button type="button" id="bench-cancel" onClick={cancel}>
              {say("cancel")}
            </button>
          ) : (
            <button type="button" id="bench-run" class="primary" disabled={chosen.value.length === 0} onClick={start}>
              {say("run")}
            </button>
          )}
        </div>
        <Progress />
        <Earlier />
      </Card>
      {r && <Plots report={r} />}
      {r && <Tables report={r} />}
    </>
  );
}

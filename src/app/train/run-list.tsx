import { classColour, css } from "../draw/colours.ts";
import { short } from "../draw/format.ts";
import { dropRun, kept, renameRun } from "../state/runs.ts";
import { say as sayRun } from "./run-strings.ts";
import { say } from "./strings.ts";

/** The runs that were kept: each with its colour, a name to change, and where it ended. */
export function RunList() {
  return (
    <ul class="runs" aria-label={sayRun("runs")}>
      {kept.value.map((r) => (
        <li key={r.id}>
          <span class="swatch" style={{ background: css(classColour(r.colour)) }} />
          <input
            aria-label={sayRun("runName")}
            value={r.name}
            onChange={(e) => renameRun(r.id, e.currentTarget.value || r.name)}
          />
          <span class="soft">
            {say("step")} {r.curve.steps.at(-1)}, {say("loss")} {short(r.curve.levels[2]!.at(-1) ?? Number.NaN)}
          </span>
          <button
            type="button"
            class="small quiet"
            aria-label={sayRun("drop", { name: r.name })}
            onClick={() => dropRun(r.id)}
          >
            ×
          </button>
        </li>
      ))}
    </ul>
  );
}

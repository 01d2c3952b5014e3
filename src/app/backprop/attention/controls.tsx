import { STEPS, WIDTHS } from "../../worker/attention-sizes.ts";
import type { AttentionStory } from "../../worker/attention-story.ts";
import { Editor as FilmEditor } from "../film/editor.tsx";
import { mapOf, placeOf } from "./frames.ts";
import { chosen, descend, edit, nudge, nudgeCell, set, setup } from "./state.ts";
import { say } from "./strings.ts";

/** How large the attention is, which step's query is followed, and what it may see. */
export function Setup() {
  const now = setup.value;
  const choice = (key: "steps" | "width" | "query", values: readonly number[], shown = (v: number) => v) => (
    <label class="inline">
      {say(key)}
      <select
        id={`attention-${key}`}
        value={now[key]}
        onChange={(e) => {
          void set({ [key]: Number(e.currentTarget.value) });
        }}
      >
        {values.map((v) => (
          <option key={v} value={v}>
            {shown(v)}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <div class="buttons film-setup">
      {choice("steps", STEPS)}
      {choice("width", WIDTHS)}
      {choice(
        "query",
        Array.from({ length: now.steps }, (_, i) => i),
        (v) => v + 1,
      )}
      <label class="inline">
        <input
          type="checkbox"
          id="attention-causal"
          checked={now.causal}
          onChange={(e) => {
            void set({ causal: e.currentTarget.checked });
          }}
        />
        {say("causal")}
      </label>
    </div>
  );
}

/** Another value for the chosen cell; its nudge, and a step of the projections. */
export function Editor({ s }: { s: AttentionStory }) {
  const cell = chosen.value;
  const map = mapOf(s, cell.map);
  const { row, column } = placeOf(map, cell.index);
  // Nothing comes back to the target.
  const checked = cell.map !== "target";
  return (
    <FilmEditor
      name="attention"
      cell={cell}
      value={map.values[cell.index] ?? 0}
      place={say("place", { map: say(`map${cell.map}`), row: row + 1, column: column + 1 })}
      onEdit={(v) => edit(cell, v)}
      onCheck={checked ? () => void nudgeCell(cell) : null}
      checkHint={say(checked ? "checkHint" : "chooseOther")}
      onStep={descend}
      loss={s.loss}
      nudge={nudge.value}
      differ={say("bends")}
    />
  );
}

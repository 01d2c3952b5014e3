import { CLASSES } from "../../worker/conv-sizes.ts";
import type { ConvStory } from "../../worker/conv-story.ts";
import { Editor as FilmEditor } from "../film/editor.tsx";
import { mapOf, placeOf } from "./frames.ts";
import { chosen, descend, edit, nudge, nudgeWeight, set, setup, takeImage } from "./state.ts";
import { type ConvKey, say } from "./strings.ts";

const choices = { kernels: [1, 2], padding: [0, 1], stride: [1, 2] } as const;

/** How the convolution is made, and which image goes through it. */
export function Setup() {
  const now = setup.value;
  return (
    <div class="buttons film-setup">
      {(["kernels", "padding", "stride"] as const).map((key) => (
        <label key={key} class="inline">
          {say(key)}
          <select
            id={`conv-${key}`}
            value={now[key]}
            onChange={(e) => {
              void set({ [key]: Number(e.currentTarget.value) });
            }}
          >
            {choices[key].map((v) => (
              <option key={v} value={v}>
                {v}
              </option>
            ))}
          </select>
        </label>
      ))}
      <label class="inline">
        {say("image")}
        <select id="conv-image" value={now.label} onChange={(e) => takeImage(Number(e.currentTarget.value))}>
          {Array.from({ length: CLASSES }, (_, i) => (
            <option key={i} value={i}>
              {say(`class${i}` as ConvKey)}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

/** Another value for the chosen cell; for a weight also its nudge, and a step of all weights. */
export function Editor({ s }: { s: ConvStory }) {
  const cell = chosen.value;
  const maps = mapOf(s, cell.map);
  const { channel, row, column } = placeOf(maps, cell.index);
  const places = { n: channel + 1, row: row + 1, column: column + 1 };
  const weight = cell.map === "kernels";
  return (
    <FilmEditor
      name="conv"
      cell={cell}
      value={maps.values[cell.index] ?? 0}
      place={say(weight ? "chosenKernel" : "chosenInput", places)}
      onEdit={(v) => edit(cell, v)}
      onCheck={weight ? () => void nudgeWeight(cell.index) : null}
      checkHint={say(weight ? "checkHint" : "chooseWeight")}
      onStep={descend}
      loss={s.loss}
      nudge={nudge.value}
      differ={say("kink")}
    />
  );
}

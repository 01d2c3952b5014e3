import { useSignal } from "@preact/signals";
import { short } from "../../draw/format.ts";
import { CLASSES } from "../../worker/conv-sizes.ts";
import type { ConvStory } from "../../worker/conv-story.ts";
import { mapOf, placeOf } from "./frames.ts";
import { chosen, descend, edit, nudge, nudgeWeight, set, setup, takeImage } from "./state.ts";
import { type ConvKey, say } from "./strings.ts";

const choices = { kernels: [1, 2], padding: [0, 1], stride: [1, 2] } as const;

/** How the convolution is made, and which image goes through it. */
export function Setup() {
  const now = setup.value;
  return (
    <div class="buttons conv-setup">
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

const MOST = 100;

/** Another value for the chosen cell; for a weight also its nudge, and a step of all weights. */
export function Editor({ s }: { s: ConvStory }) {
  const wrong = useSignal(false);
  const cell = chosen.value;
  const maps = mapOf(s, cell.map);
  const value = maps.values[cell.index] ?? 0;
  const { channel, row, column } = placeOf(maps, cell.index);
  const places = { n: channel + 1, row: row + 1, column: column + 1 };
  const weight = cell.map === "kernels";
  const n = nudge.value;
  return (
    <>
      <div class="buttons conv-edit">
        <label class="inline">
          {say("value", { cell: say(weight ? "chosenKernel" : "chosenInput", places) })}
          <input
            type="text"
            inputMode="decimal"
            id="conv-value"
            key={`${cell.map} ${cell.index} ${value}`}
            defaultValue={String(Number(value.toPrecision(6)))}
            aria-invalid={wrong.value}
            aria-describedby="conv-wrong"
            onChange={(e) => {
              const text = e.currentTarget.value.trim().replace("−", "-");
              const v = Number(text);
              wrong.value = text === "" || !(Math.abs(v) <= MOST);
              if (!wrong.value) edit(cell, v);
            }}
          />
        </label>
        <button
          type="button"
          id="conv-check"
          disabled={!weight}
          title={say(weight ? "checkHint" : "chooseWeight")}
          onClick={() => void nudgeWeight(cell.index)}
        >
          {say("check")}
        </button>
        <button type="button" id="conv-step" onClick={descend}>
          {say("step")}
        </button>
        <span id="conv-loss">
          {say("loss")} = {short(s.loss, 4)}
        </span>
      </div>
      <p class="error" id="conv-wrong">
        {wrong.value ? say("notANumber") : ""}
      </p>
      <p role="status" id="conv-nudged" class={n ? "nudged" : ""}>
        {n
          ? say("nudged", {
              numeric: short(n.numeric, 6),
              analytic: short(n.analytic, 6),
              verdict: say(agree(n.numeric, n.analytic) ? "agree" : "kink"),
            })
          : ""}
      </p>
    </>
  );
}

/** f64 rounds a loss about 1 to 1e-16, so a slope over 2e-5 to 1e-11; the curve itself bends by less than that allows. */
const agree = (numeric: number, analytic: number): boolean =>
  Math.abs(numeric - analytic) <= 1e-7 * Math.max(1, Math.abs(analytic));

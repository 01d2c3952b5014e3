import { useSignal } from "@preact/signals";
import { short } from "../../draw/format.ts";
import { keyOf, type MapCell } from "./cells.tsx";
import { agree, type Nudge } from "./numbers.ts";
import { say } from "./strings.ts";

const MOST = 100;

/** Another value for the chosen cell, its check by nudging, and a step of all that is learned; ids begin with the film's name. */
export function Editor(props: {
  name: string;
  cell: MapCell;
  value: number;
  /** Where the cell is, in words. */
  place: string;
  onEdit(v: number): void;
  /** Null where the chosen cell is nothing to nudge. */
  onCheck: (() => void) | null;
  checkHint: string;
  onStep(): void;
  loss: number;
  nudge: Nudge | null;
  /** Why nudging and gradient may differ. */
  differ: string;
}) {
  const wrong = useSignal(false);
  const { name, cell, value, nudge } = props;
  return (
    <>
      <div class="buttons film-edit">
        <label class="inline">
          {say("value", { cell: props.place })}
          <input
            type="text"
            inputMode="decimal"
            id={`${name}-value`}
            key={`${keyOf(cell)} ${value}`}
            defaultValue={String(Number(value.toPrecision(6)))}
            aria-invalid={wrong.value}
            aria-describedby={`${name}-wrong`}
            onChange={(e) => {
              const text = e.currentTarget.value.trim().replace("−", "-");
              const v = Number(text);
              wrong.value = text === "" || !(Math.abs(v) <= MOST);
              if (!wrong.value) props.onEdit(v);
            }}
          />
        </label>
        <button
          type="button"
          id={`${name}-check`}
          disabled={!props.onCheck}
          title={props.checkHint}
          onClick={() => props.onCheck?.()}
        >
          {say("check")}
        </button>
        <button type="button" id={`${name}-step`} onClick={props.onStep}>
          {say("step")}
        </button>
        <span id={`${name}-loss`} class="film-loss">
          {say("loss")} = {short(props.loss, 4)}
        </span>
      </div>
      <p class="error" id={`${name}-wrong`}>
        {wrong.value ? say("notANumber") : ""}
      </p>
      <p role="status" id={`${name}-nudged`} class={nudge ? "nudged" : ""}>
        {nudge
          ? say("nudged", {
              numeric: short(nudge.numeric, 6),
              analytic: short(nudge.analytic, 6),
              verdict: agree(nudge) ? say("agree") : props.differ,
            })
          : ""}
      </p>
    </>
  );
}

import { useEffect } from "preact/hooks";
import { count, percent } from "../draw/format.ts";
import { Card } from "../shell/card.tsx";
import { evaluation, loss, run } from "../state/store.ts";
import type { TextLook } from "../worker/types.ts";
import {
  cadences,
  every,
  failed,
  look,
  prompt,
  samples,
  seed,
  seen,
  temperature,
  typed,
  watch,
  write,
} from "./state.ts";
import "../train/chances.css";
import { Heads } from "./heads.tsx";
import { shownAs } from "./piece.ts";
import { say } from "./strings.ts";
import "./text.css";

/** A loss in nats as bits of a token, and of a byte. */
function bits(nats: number, bytesPerToken: number, on: string): string {
  const token = nats / Math.LN2;
  return say("bits", { on, token: token.toFixed(3), byte: (token / bytesPerToken).toFixed(3) });
}

function Bits() {
  const { testRows, text } = run.value!;
  const { bytesPerToken, held } = text!;
  const found = evaluation.value;
  const heldOut = (): string =>
    testRows < held ? say("heldOutPart", { n: count(testRows), all: count(held) }) : say("heldOut");
  return (
    <p id="text-bits">
      {loss.value !== null && <span>{bits(loss.value, bytesPerToken, say("training"))}</span>}
      {found && <span>{bits(found.loss, bytesPerToken, found.on === "test" ? heldOut() : say("allOf"))}</span>}
    </p>
  );
}

/** A field whose text takes effect as it is typed, where it makes sense. */
function Small(props: { id: string; label: string; value: string; take: (text: string) => boolean }) {
  return (
    <label class="inline">
      {props.label}
      <input
        type="text"
        id={props.id}
        value={props.value}
        onChange={(e) => {
          const { currentTarget } = e;
          currentTarget.setAttribute("aria-invalid", String(!props.take(currentTarget.value)));
        }}
      />
    </label>
  );
}

const MOST_SEED = 2 ** 32 - 1;
const MOST_TEMPERATURE = 4;

function Asking() {
  return (
    <div class="buttons text-asking">
      <label class="inline grows">
        {say("prompt")}
        <input
          type="text"
          id="text-prompt"
          value={prompt.value}
          onChange={(e) => {
            prompt.value = e.currentTarget.value;
            write();
          }}
        />
      </label>
      <Small
        id="text-temperature"
        label={say("temperature")}
        value={String(temperature.value)}
        take={(text) => {
          const v = Number(text);
          const right = text.trim() !== "" && v >= 0 && v <= MOST_TEMPERATURE;
          if (right) temperature.value = v;
          return right;
        }}
      />
      <Small
        id="text-seed"
        label={say("seed")}
        value={String(seed.value)}
        take={(text) => {
          const v = Number(text);
          const right = text.trim() !== "" && Number.isInteger(v) && v >= 0 && v <= MOST_SEED;
          if (right) seed.value = v;
          return right;
        }}
      />
      <label class="inline">
        {say("every")}
        <select
          id="text-every"
          value={every.value}
          onChange={(e) => {
            every.value = Number(e.currentTarget.value);
          }}
        >
          {cadences.map((n) => (
            <option key={n} value={n}>
              {say("steps", { n })}
            </option>
          ))}
        </select>
      </label>
      <button type="button" id="text-write" onClick={write}>
        {say("again")}
      </button>
    </div>
  );
}

function Next({ found }: { found: TextLook }) {
  return (
    <ol class="chances" id="text-next">
      {found.next.map(({ text, probability }, i) => (
        <li key={`${i} ${text}`} class={i === 0 ? "best" : ""}>
          <span>{shownAs(text)}</span>
          <progress value={probability} max={1} aria-label={shownAs(text)} />
          <span>{percent(probability, probability < 0.1 ? 1 : 0)}</span>
        </li>
      ))}
    </ol>
  );
}

/** Samples that get better as the net learns, what it expects behind a text, and what its heads look at. */
export function TextCard() {
  useEffect(watch, []);
  if (!run.value?.text) return null;
  const found = seen.value;
  return (
    <>
      <Card title={say("title")} id="text-samples">
        <p class="soft">{say("intro")}</p>
        <Bits />
        <Asking />
        {failed.value && (
          <p class="error" role="alert" id="text-failed">
            {failed.value}
          </p>
        )}
        {samples.value.length === 0 && <p class="soft">{say("none")}</p>}
        <ol class="samples">
          {samples.value.map((s) => (
            <li key={s.step}>
              <span class="soft">{say("sampleAt", { step: count(s.step) })}</span>
              <p>
                <b>{s.prompt}</b>
                {s.text}
              </p>
            </li>
          ))}
        </ol>
      </Card>
      <Card title={say("next")} id="text-look">
        <p class="soft">{say("nextText")}</p>
        <label class="field" for="text-typed">
          {say("typed")}
        </label>
        <textarea
          id="text-typed"
          rows={2}
          value={typed.value}
          onInput={(e) => {
            typed.value = e.currentTarget.value;
            look();
          }}
        />
        {found && <Next found={found} />}
        {found && found.heads.length > 0 && <Heads found={found} />}
      </Card>
    </>
  );
}

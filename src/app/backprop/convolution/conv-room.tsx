import { useEffect } from "preact/hooks";
import { Card } from "../../shell/card.tsx";
import { roomKeys } from "../../shell/keys.ts";
import { Scroll } from "../../shell/scroll.tsx";
import type { ConvStory } from "../../worker/conv-story.ts";
import { Editor, Setup } from "./controls.tsx";
import "./convolution.css";
import { type Frame, mapOf, phases, placeOf } from "./frames.ts";
import { Maps } from "./maps.tsx";
import { at, frame, frames, goTo, looked, play, playing, set, stop, story } from "./state.ts";
import { type ConvKey, say } from "./strings.ts";
import { workOf } from "./work.tsx";

/** What happens at a picture, in words. */
function sentence(s: ConvStory, { phase, cell }: Frame): string {
  const { row, column } = placeOf(mapOf(s, cell.map), cell.index);
  const name = say(`class${phase === "linear" ? cell.index : 0}` as ConvKey);
  return say(`text${phase}`, { row: row + 1, column: column + 1, name });
}

function Scrub() {
  const [i, n] = [at.value, frames.value.length];
  return (
    <div class="buttons scrub">
      <button type="button" id="conv-play" onClick={playing.value ? stop : play}>
        {playing.value ? `❚❚ ${say("pause")}` : `▶ ${say("play")}`}
      </button>
      <button type="button" id="conv-back" disabled={i === 0} onClick={() => goTo(i - 1)}>
        ← {say("back")}
      </button>
      <input
        type="range"
        id="conv-scrub"
        min={0}
        max={n - 1}
        value={i}
        aria-label={say("scrub", { i: i + 1, n })}
        onInput={(e) => goTo(Number(e.currentTarget.value))}
      />
      <button type="button" id="conv-next" class="primary" disabled={i === n - 1} onClick={() => goTo(i + 1)}>
        {say("next")} →
      </button>
      <span class="soft">{say("scrub", { i: i + 1, n })}</span>
    </div>
  );
}

function Film({ s, now }: { s: ConvStory; now: Frame }) {
  const about = looked.value ?? now.cell;
  const { view, lit } = workOf(s, now, about);
  return (
    <>
      <div class="phases" role="group" aria-label={say("phases")}>
        {phases.map((p) => (
          <button
            key={p}
            type="button"
            class="small"
            aria-pressed={p === now.phase}
            onClick={() => goTo(frames.value.findIndex((f) => f.phase === p))}
          >
            {say(`phase${p}`)}
          </button>
        ))}
      </div>
      <p class="sentence" id="conv-sentence" aria-live={playing.value ? "off" : "polite"}>
        {sentence(s, now)}
      </p>
      <Scrub />
      <Scroll class="stage" label={say("title")}>
        <Maps s={s} frame={now} about={about} lit={new Set(lit)} />
      </Scroll>
      <Scroll class="conv-work" id="conv-work" label={say("work")}>
        {view}
      </Scroll>
      <Editor s={s} />
      <p class="soft">{say("hint")}</p>
    </>
  );
}

/** A small convolution, there and back, number by number. */
export function ConvRoom() {
  useEffect(() => {
    roomKeys.take = (e) => {
      if (e.key !== "ArrowRight" && e.key !== "ArrowLeft") return false;
      goTo(at.value + (e.key === "ArrowRight" ? 1 : -1));
      return true;
    };
    if (!story.value) void set({});
    return () => {
      roomKeys.take = null;
      stop();
    };
  }, []);
  const s = story.value;
  const now = frame.value;
  return (
    <Card title={say("title")} id="conv-film">
      <p class="soft">{say("intro")}</p>
      <Setup />
      {s && now ? <Film s={s} now={now} /> : <p class="soft">{say("loading")}</p>}
    </Card>
  );
}

import { useEffect } from "preact/hooks";
import { Card } from "../../shell/card.tsx";
import { Scroll } from "../../shell/scroll.tsx";
import type { AttentionStory } from "../../worker/attention-story.ts";
import "../film/film.css";
import { Phases, Scrub } from "../film/scrub.tsx";
import { say as words } from "../film/strings.ts";
import { Editor, Setup } from "./controls.tsx";
import { type Frame, mapOf, phases, placeOf } from "./frames.ts";
import { Maps } from "./maps.tsx";
import { film, set, story } from "./state.ts";
import { say } from "./strings.ts";
import { workOf } from "./work.tsx";

/** What happens at a picture, in words. */
function sentence(s: AttentionStory, { phase, cell }: Frame): string {
  const { row, column } = placeOf(mapOf(s, cell.map), cell.index);
  const step = (cell.map === "scores" || cell.map === "weights" ? column : row) + 1;
  if (phase === "mask" && !s.causal) return say("textunmasked");
  return say(`text${phase}`, { step, column: column + 1, query: s.query + 1, map: say(`map${cell.map}`) });
}

function Film({ s, now }: { s: AttentionStory; now: Frame }) {
  const about = film.looked.value ?? now.cell;
  const { view, lit } = workOf(s, now, about);
  return (
    <>
      <Phases phases={phases} film={film} title={(p) => `${phases.indexOf(p) + 1} · ${say(`phase${p}`)}`} />
      <p class="sentence" id="attention-sentence" aria-live={film.playing.value ? "off" : "polite"}>
        {sentence(s, now)}
      </p>
      <Scrub film={film} name="attention" />
      <Scroll class="stage" label={say("title")}>
        <Maps s={s} frame={now} about={about} lit={new Set(lit)} />
      </Scroll>
      <Scroll class="film-work" id="attention-work" label={words("work")}>
        {view}
      </Scroll>
      <Editor s={s} />
      <p class="soft">{say("hint")}</p>
    </>
  );
}

/** One row of a small attention, there and back, number by number. */
export function AttentionRoom() {
  useEffect(() => {
    const close = film.open();
    if (!story.value) void set({});
    return close;
  }, []);
  const s = story.value;
  const now = film.frame.value;
  return (
    <Card title={say("title")} id="attention-film" class="film">
      <p class="soft">{say("intro")}</p>
      <Setup />
      {s && now ? <Film s={s} now={now} /> : <p class="soft">{words("loading")}</p>}
    </Card>
  );
}

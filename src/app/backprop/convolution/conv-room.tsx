import { useEffect } from "preact/hooks";
import { Card } from "../../shell/card.tsx";
import { Scroll } from "../../shell/scroll.tsx";
import type { ConvStory } from "../../worker/conv-story.ts";
import { Editor, Setup } from "./controls.tsx";
import "../film/film.css";
import { Phases, Scrub } from "../film/scrub.tsx";
import { say as words } from "../film/strings.ts";
import { type Frame, mapOf, phases, placeOf } from "./frames.ts";
import { Maps } from "./maps.tsx";
import { film, set, story } from "./state.ts";
import { type ConvKey, say } from "./strings.ts";
import { workOf } from "./work.tsx";

/** What happens at a picture, in words. */
function sentence(s: ConvStory, { phase, cell }: Frame): string {
  const { row, column } = placeOf(mapOf(s, cell.map), cell.index);
  const name = say(`class${phase === "linear" ? cell.index : 0}` as ConvKey);
  return say(`text${phase}`, { row: row + 1, column: column + 1, name });
}

function Film({ s, now }: { s: ConvStory; now: Frame }) {
  const about = film.looked.value ?? now.cell;
  const { view, lit } = workOf(s, now, about);
  return (
    <>
      <Phases phases={phases} film={film} title={(p) => say(`phase${p}`)} />
      <p class="sentence" id="conv-sentence" aria-live={film.playing.value ? "off" : "polite"}>
        {sentence(s, now)}
      </p>
      <Scrub film={film} name="conv" />
      <Scroll class="stage" label={say("title")}>
        <Maps s={s} frame={now} about={about} lit={new Set(lit)} />
      </Scroll>
      <Scroll class="film-work" id="conv-work" label={words("work")}>
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
    const close = film.open();
    if (!story.value) void set({});
    return close;
  }, []);
  const s = story.value;
  const now = film.frame.value;
  return (
    <Card title={say("title")} id="conv-film" class="film">
      <p class="soft">{say("intro")}</p>
      <Setup />
      {s && now ? <Film s={s} now={now} /> : <p class="soft">{words("loading")}</p>}
    </Card>
  );
}

import type { Pictures } from "./player.ts";
import { say } from "./strings.ts";

/** Plays a film, and goes through its pictures; ids begin with the film's name. */
export function Scrub({ film, name }: { film: Pictures<unknown>; name: string }) {
  const [i, n] = [film.at.value, film.frames.value.length];
  return (
    <div class="buttons scrub">
      <button type="button" id={`${name}-play`} onClick={film.playing.value ? film.stop : film.play}>
        {film.playing.value ? `❚❚ ${say("pause")}` : `▶ ${say("play")}`}
      </button>
      <button type="button" id={`${name}-back`} disabled={i === 0} onClick={() => film.goTo(i - 1)}>
        ← {say("back")}
      </button>
      <input
        type="range"
        id={`${name}-scrub`}
        min={0}
        max={n - 1}
        value={i}
        aria-label={say("scrub", { i: i + 1, n })}
        onInput={(e) => film.goTo(Number(e.currentTarget.value))}
      />
      <button type="button" id={`${name}-next`} class="primary" disabled={i === n - 1} onClick={() => film.goTo(i + 1)}>
        {say("next")} →
      </button>
      <span class="soft">{say("scrub", { i: i + 1, n })}</span>
    </div>
  );
}

/** Leads to the first picture of each part of a film. */
export function Phases<Phase extends string>(props: {
  phases: readonly Phase[];
  film: Pictures<{ readonly phase: Phase }>;
  title: (phase: Phase) => string;
}) {
  const { film } = props;
  return (
    <div class="phases" role="group" aria-label={say("phases")}>
      {props.phases.map((p) => (
        <button
          key={p}
          type="button"
          class="small"
          aria-pressed={p === film.frame.value?.phase}
          onClick={() => film.goTo(film.frames.value.findIndex((f) => f.phase === p))}
        >
          {props.title(p)}
        </button>
      ))}
    </div>
  );
}

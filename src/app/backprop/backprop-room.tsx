import { useEffect } from "preact/hooks";
import { Card } from "../shell/card.tsx";
import { lazy } from "../shell/lazy.tsx";
import { Scroll } from "../shell/scroll.tsx";
import "./backprop.css";
import { run } from "../state/store.ts";
import type { Story } from "../worker/story.ts";
import { CountCard } from "./count.tsx";
import { Drawing } from "./drawing.tsx";
import { withArrows } from "./film/arrows.ts";
import { Formula } from "./formulas.tsx";
import { type Frame, MOST_NODES, phases } from "./frames.ts";
import { RanCard } from "./ran.tsx";
import { at, frames, hovered, move, opened, story, tell, view, views } from "./state.ts";
import { say } from "./strings.ts";

/** What happens at a picture, in a sentence. */
function sentence(s: Story, { phase, focus }: Frame): string {
  const values = { layer: focus.layer, node: focus.node + 1 };
  switch (phase) {
    case "forward":
      return say("forwardText", values);
    case "loss":
      return say("lossText");
    case "backward":
      return say(focus.layer === s.layers.length - 1 ? "outputText" : "backwardText", values);
    case "products":
      return say("productsText");
    case "update":
      return s.optimizer === "sgd"
        ? say("updateText")
        : `${say("updateText")} ${say("updateOther", { optimizer: s.optimizer })}`;
  }
}

function Film({ s, frame }: { s: Story; frame: Frame }) {
  const focus = hovered.value ?? frame.focus;
  const words = sentence(s, frame);
  return (
    <>
      <div class="phases" role="group" aria-label={say("title")}>
        {phases.map((p) => (
          <button
            key={p}
            type="button"
            class="small"
            aria-pressed={p === frame.phase}
            onClick={() => {
              at.value = frames.value.findIndex((f) => f.phase === p);
            }}
          >
            {say(`phase${p}`)}
          </button>
        ))}
      </div>
      <p class="sentence" id="sentence" aria-live="polite">
        {words}
      </p>
      <Scroll class="stage" label={say("drawing", { text: words })}>
        <Drawing
          story={s}
          frame={frame}
          focus={focus}
          text={words}
          onFocus={(f) => {
            hovered.value = f;
          }}
        />
      </Scroll>
      <Scroll class="formula" id="formula" label={say("formula")}>
        <Formula story={s} frame={frame} focus={focus} />
      </Scroll>
      <div class="buttons scrub">
        <button type="button" id="back" disabled={at.value === 0} onClick={() => move(-1)}>
          ← {say("back")}
        </button>
        <input
          type="range"
          id="scrub"
          min={0}
          max={frames.value.length - 1}
          value={at.value}
          aria-label={say("scrub", { i: at.value + 1, n: frames.value.length })}
          onInput={(e) => {
            at.value = Number(e.currentTarget.value);
            hovered.value = null;
          }}
        />
        <button
          type="button"
          id="next"
          class="primary"
          disabled={at.value === frames.value.length - 1}
          onClick={() => move(1)}
        >
          {say("next")} →
        </button>
        <span class="soft">{say("scrub", { i: at.value + 1, n: frames.value.length })}</span>
      </div>
      <p class="soft">{say("hover")}</p>
      {(s.tooDeep || s.layers.some((l) => l.values.length > MOST_NODES)) && (
        <p class="soft">{say("tooLarge", { n: MOST_NODES })}</p>
      )}
    </>
  );
}

/** The user's own net, node by node. */
function NetFilm() {
  useEffect(() => withArrows(move, opened()), []);
  const s = story.value;
  const frame = frames.value[at.value];
  return (
    <>
      <Card
        title={say("title")}
        id="film"
        actions={
          s && (
            <>
              <span class="soft">
                {say("takenAt", { step: s.step })} · {say("row")} {s.row + 1} / {s.rows}
              </span>
              {s.rows > 1 && (
                <button type="button" id="next-row" onClick={() => tell((s.row + 1) % s.rows)}>
                  {say("nextRow")}
                </button>
              )}
              <button type="button" id="retell" onClick={() => tell(s.row)}>
                {say("again")}
              </button>
            </>
          )
        }
      >
        <p class="soft">{say("intro")}</p>
        {s && s.wiring !== "chain" && (
          <p id="wiring">
            {say(s.wiring)}{" "}
            <button
              type="button"
              class="small"
              onClick={() => {
                view.value = "convolution";
              }}
            >
              {say("viewconvolution")}
            </button>
          </p>
        )}
        {s && frame && <Film s={s} frame={frame} />}
      </Card>
      <CountCard />
      <RanCard />
    </>
  );
}

const ConvRoom = lazy(async () => (await import("./convolution/conv-room.tsx")).ConvRoom);
const AttentionRoom = lazy(async () => (await import("./attention/attention-room.tsx")).AttentionRoom);
const TokenFilm = lazy(async () => (await import("./tokens/token-film.tsx")).TokenFilm);

/** Of a net that learns a text no node is drawn, but each step of a window. */
function OwnNet() {
  return run.value?.text ? <TokenFilm /> : <NetFilm />;
}

const rooms = { net: OwnNet, convolution: ConvRoom, attention: AttentionRoom };

/** The tutorial, alive: on the user's own net, on a small convolution, and on one row of attention. */
export function BackpropRoom() {
  const Shown = rooms[view.value];
  return (
    <>
      <div class="buttons" role="group" aria-label={say("views")}>
        {views.map((v) => (
          <button
            key={v}
            type="button"
            id={`view-${v}`}
            aria-pressed={v === view.value}
            onClick={() => {
              view.value = v;
            }}
          >
            {say(`view${v}`)}
          </button>
        ))}
      </div>
      <Shown />
    </>
  );
}

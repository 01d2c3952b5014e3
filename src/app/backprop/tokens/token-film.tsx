import { useEffect, useRef } from "preact/hooks";
import { count, percent, short } from "../../draw/format.ts";
import { Card } from "../../shell/card.tsx";
import { Scroll } from "../../shell/scroll.tsx";
import { shownAs } from "../../text/piece.ts";
import type { TokenLayer, TokenStory } from "../../worker/token-story.ts";
import { withArrows } from "../film/arrows.ts";
import { choose, of as chosen, move, opened, story, tell } from "./state.ts";
import { say } from "./strings.ts";
import "./tokens.css";

/** Share of the colour behind the longest gradient of a row: its number stays legible. */
const FULL = 45;

function Row({ layer, s }: { layer: TokenLayer; s: TokenStory }) {
  const longest = Math.max(...layer.gradients);
  return (
    <tr>
      <th scope="row">
        <span>{layer.type}</span>
        <span class="soft">{say("layer", { name: layer.name, width: layer.width })}</span>
      </th>
      {layer.gradients.map((gradient, i) => (
        <td
          key={i}
          class={i === s.of ? "of" : ""}
          title={say("cell", { gradient: short(gradient), value: short(layer.values[i]!) })}
          style={{ "--share": `${longest > 0 ? Math.round((FULL * gradient) / longest) : 0}%` }}
        >
          {short(gradient, 2)}
        </td>
      ))}
    </tr>
  );
}

/** How much of the gradient is left at the first step that it reaches, in the first layer. */
function reach(s: TokenStory): string | null {
  const layer = s.layers[0];
  if (s.of === null || s.of === 0 || !layer || layer.gradients[s.of] === 0) return null;
  return say("reach", { step: 1, layer: layer.type, share: percent(layer.gradients[0]! / layer.gradients[s.of]!, 2) });
}

function Film({ s }: { s: TokenStory }) {
  const { of, pieces, targets } = s;
  const chosenHead = useRef<HTMLTableCellElement>(null);
  // On a phone most steps are beyond the edge.
  useEffect(() => chosenHead.current?.scrollIntoView({ block: "nearest", inline: "center" }), [of]);
  const words =
    of === null ? say("all") : say("one", { step: of + 1, piece: shownAs(pieces[of]!), target: shownAs(targets[of]!) });
  const left = reach(s);
  return (
    <>
      <label class="inline tokens-of">
        {say("of")}
        <input
          type="range"
          id="tokens-of"
          min={0}
          max={pieces.length}
          value={chosen.value === null ? 0 : chosen.value + 1}
          aria-valuetext={words}
          onInput={(e) => choose(Number(e.currentTarget.value))}
        />
        <span>{words}</span>
      </label>
      <p id="tokens-loss" class="sentence" aria-live="polite">
        {say("loss", { loss: short(s.loss, 4), bits: short(s.loss / Math.LN2, 4) })}
        {left && <span class="soft">{left}</span>}
      </p>
      <Scroll class="stage" label={say("table")}>
        <table class="tokens" id="tokens-table">
          <thead>
            <tr>
              <th scope="col">{say("step")}</th>
              {pieces.map((_, i) => (
                <th key={i} ref={i === of ? chosenHead : null} scope="col" class={i === of ? "of" : ""}>
                  {i + 1}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">{say("reads")}</th>
              {pieces.map((piece, i) => (
                <td key={i} class={i === of ? "of" : ""}>
                  {shownAs(piece)}
                </td>
              ))}
            </tr>
            <tr>
              <th scope="row">{say("target")}</th>
              {targets.map((piece, i) => (
                <td key={i} class={i === of ? "of" : ""}>
                  {shownAs(piece)}
                </td>
              ))}
            </tr>
            <tr>
              <th scope="row">{say("chance")}</th>
              {s.chances.map((chance, i) => (
                <td key={i} class={i === of ? "of" : ""}>
                  {percent(chance, chance < 0.1 ? 1 : 0)}
                </td>
              ))}
            </tr>
            {[...s.layers].reverse().map((layer) => (
              <Row key={layer.name} layer={layer} s={s} />
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

/** The user's own net that learns a text, step by step of a window: which of them the gradient reaches. */
export function TokenFilm() {
  useEffect(() => withArrows(move, opened()), []);
  const s = story.value;
  return (
    <Card
      title={say("title")}
      id="token-film"
      actions={
        s && (
          <>
            <span class="soft">
              {say("takenAt", { step: count(s.step) })} · {say("window", { i: count(s.row + 1), n: count(s.rows) })}
            </span>
            <button type="button" id="next-window" onClick={() => tell((s.row + 1) % s.rows)}>
              {say("nextWindow")}
            </button>
            <button type="button" id="tokens-again" onClick={() => tell(s.row)}>
              {say("again")}
            </button>
          </>
        )
      }
    >
      <p class="soft">{say("intro")}</p>
      {s && <Film s={s} />}
    </Card>
  );
}

import { Canvas, largest } from "../draw/canvas.tsx";
import { css, diverging } from "../draw/colours.ts";
import { percent } from "../draw/format.ts";
import { Card } from "../shell/card.tsx";
import { Scroll } from "../shell/scroll.tsx";
import { pictures, run } from "../state/store.ts";
import { dark } from "../state/theme.ts";
import type { Confusion, Mistake } from "../worker/types.ts";
import { say } from "./strings.ts";

const TILE = 56;
/** More classes than this have no room for a table. */
const MOST_CLASSES = 20;
/** Share of full colour that a full cell takes, so that its number stays legible. */
const STRENGTH = 0.42;

/** A picture of grey pixels, one tile. */
export function Pixels(props: { pixels: Float32Array; width: number; side: number; label: string }) {
  const { pixels, width, side } = props;
  const height = pixels.length / width;
  const draw = (context: CanvasRenderingContext2D): void => {
    const most = largest(pixels) || 1;
    const image = new ImageData(width, height);
    pixels.forEach((v, i) => {
      const grey = Math.round(255 * Math.max(0, v / most));
      const shown = dark.value ? grey : 255 - grey;
      image.data.set([shown, shown, shown, 255], 4 * i);
    });
    const small = new OffscreenCanvas(width, height);
    small.getContext("2d")!.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, side, side);
  };
  return <Canvas width={side} height={side} label={props.label} of={[pixels]} draw={draw} class="tile" />;
}

function MistakeTile({ mistake: m, names }: { mistake: Mistake; names: readonly string[] }) {
  const text = say("mistake", { label: names[m.label]!, said: names[m.said]!, sure: percent(m.probability, 0) });
  return (
    <li>
      {m.pixels && run.value?.image && (
        <Pixels pixels={m.pixels} width={run.value.image.width} side={TILE} label={text} />
      )}
      <span>{text}</span>
    </li>
  );
}

function Matrix({ c, names }: { c: Confusion; names: readonly string[] }) {
  const of = (row: number): number =>
    c.counts.subarray(row * c.classes, (row + 1) * c.classes).reduce((a, b) => a + b, 0);
  return (
    <table class="confusion">
      <thead>
        <tr>
          <td />
          {names.map((n) => (
            <th key={n} scope="col">
              {n}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {names.map((name, row) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            {names.map((n, column) => {
              const count = c.counts[row * c.classes + column]!;
              const share = (count / Math.max(1, of(row))) * (row === column ? -STRENGTH : 1.6 * STRENGTH);
              return (
                <td key={n} style={{ background: css(diverging(Math.max(-STRENGTH, Math.min(STRENGTH, share)))) }}>
                  {count === 0 ? "" : count}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What is taken for what, and the mistakes that the net is surest of. */
export function ConfusionCard() {
  void dark.value;
  const c = pictures.value?.confusion;
  const names = run.value?.classes ?? [];
  if (!c || names.length === 0 || c.classes > MOST_CLASSES || names.length !== c.classes) return null;
  return (
    <Card title={say("confusion")} part="confusion" id="confusion">
      <p class="soft">{say("confusionOn", { on: say(c.on === "test" ? "testRows" : "trainRows") })}</p>
      <Scroll label={say("confusion")}>
        <Matrix c={c} names={names} />
      </Scroll>
      <h3>{say("mistakes")}</h3>
      {c.mistakes.length === 0 ? (
        <p class="soft">{say("noMistakes")}</p>
      ) : (
        <ul class="mistakes">
          {c.mistakes.slice(0, run.value?.image ? 12 : 5).map((m, i) => (
            <MistakeTile key={i} mistake={m} names={names} />
          ))}
        </ul>
      )}
    </Card>
  );
}

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Canvas } from "../draw/canvas.tsx";
import { token } from "../draw/colours.ts";
import { percent } from "../draw/format.ts";
import { Card } from "../shell/card.tsx";
import { drawn } from "../state/drawn.ts";
import { engine } from "../state/engine.ts";
import { pictures, run } from "../state/store.ts";
import { Pixels } from "./confusion.tsx";
import "./chances.css";
import { say } from "./draw-strings.ts";
import { rasterise, type Stroke } from "./raster.ts";

const SIDE = 220;

/** A box to draw in; the net answers as one draws, and again as it learns. */
export function DrawCard() {
  const strokes = useSignal<readonly Stroke[]>([]);
  const chances = useSignal<Float32Array | null>(null);
  const busy = useRef(false);
  const again = useRef(false);
  const info = run.value;
  const image = info?.image;
  const frame = info?.frame;
  const pixels =
    image && frame && strokes.value.length > 0 ? rasterise(strokes.value, frame, image.height, image.width) : null;
  const ask = async (): Promise<void> => {
    if (!pixels) return;
    again.current = busy.current;
    if (busy.current) return;
    busy.current = true;
    chances.value = await engine.classify(pixels).catch(() => null);
    busy.current = false;
    if (again.current) ask();
  };
  useEffect(() => {
    ask();
  }, [strokes.value, pictures.value]);
  useEffect(() => {
    drawn.value = pixels;
  }, [strokes.value, info]);
  useEffect(() => {
    strokes.value = [];
    chances.value = null;
  }, [info]);
  if (!info || !image || !frame || info.classes.length === 0) return null;
  const put = (e: PointerEvent): void => {
    const box = (e.currentTarget as HTMLElement).getBoundingClientRect();
    const at = [(e.clientX - box.left) / box.width, (e.clientY - box.top) / box.height] as const;
    const all = strokes.value;
    strokes.value = e.type === "pointerdown" ? [...all, [at]] : [...all.slice(0, -1), [...(all.at(-1) ?? []), at]];
  };
  const best = chances.value ? chances.value.indexOf(Math.max(...chances.value)) : -1;
  return (
    <Card
      title={say("draw")}
      part="draw"
      id="draw"
      actions={
        <button
          type="button"
          onClick={() => {
            strokes.value = [];
            chances.value = null;
          }}
        >
          {say("clear")}
        </button>
      }
    >
      <p class="soft">{say("drawHint")}</p>
      <div class="drawing">
        <div
          class="pad"
          id="pad"
          onPointerDown={put}
          onPointerMove={(e) => e.buttons === 1 && strokes.value.length > 0 && put(e)}
        >
          <Canvas
            width={SIDE}
            height={SIDE}
            label={say("drawLabel")}
            of={[strokes.value]}
            draw={(c) => {
              c.lineWidth = 14;
              c.lineCap = "round";
              c.lineJoin = "round";
              c.strokeStyle = token("--text");
              for (const stroke of strokes.value) {
                c.beginPath();
                stroke.forEach(([x, y], i) => {
                  if (i === 0) c.moveTo(x * SIDE, y * SIDE);
                  c.lineTo(x * SIDE, y * SIDE);
                });
                c.stroke();
              }
            }}
          />
        </div>
        {pixels && (
          <figure>
            <Pixels pixels={pixels} width={image.width} side={96} label={say("seen")} />
            <figcaption class="soft">{say("seen")}</figcaption>
          </figure>
        )}
        {chances.value && (
          <ol class="chances">
            {info.classes.map((name, i) => (
              <li key={name} class={i === best ? "best" : ""}>
                <span>{name}</span>
                <progress value={chances.value![i] ?? 0} max={1} aria-label={name} />
                <span>{percent(chances.value![i] ?? 0, 0)}</span>
              </li>
            ))}
          </ol>
        )}
      </div>
      <p class="unseen" aria-live="polite" id="answer">
        {best >= 0 ? say("answer", { name: info.classes[best]!, sure: percent(chances.value![best]!, 0) }) : ""}
      </p>
    </Card>
  );
}

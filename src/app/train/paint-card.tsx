import { useSignal } from "@preact/signals";
import { classColour, css } from "../draw/colours.ts";
import { Card } from "../shell/card.tsx";
import { type Point, points as painted } from "../state/paint.ts";
import { pictures, trainOn } from "../state/store.ts";
import type { RunInfo } from "../worker/types.ts";
import { say } from "./paint-strings.ts";
import { EXTENT, Plane } from "./plane.tsx";

const CLASSES = 3;
/** Distance between two points of a drag. */
const APART = 0.07;

function toPoints(list: readonly Point[]): RunInfo["points"] {
  return { x: Float32Array.from(list.flatMap((p) => [p[0], p[1]])), labels: Int32Array.from(list.map((p) => p[2])) };
}

/** The plane as a canvas: points are set on it, and the net trains on them. */
export function PaintCard() {
  const chosen = useSignal(0);
  const picture = painted.value.length === 0 ? null : (pictures.value?.boundary ?? null);
  const put = (e: PointerEvent): void => {
    const box = (e.currentTarget as HTMLElement).getBoundingClientRect();
    const to = (v: number): number => Math.max(-1, Math.min(1, (2 * v - 1) * EXTENT));
    const x = to((e.clientX - box.left) / box.width);
    const y = -to((e.clientY - box.top) / box.height);
    const last = painted.value.at(-1);
    if (e.type === "pointermove" && last && Math.hypot(last[0] - x, last[1] - y) < APART) return;
    painted.value = [...painted.value, [x, y, chosen.value]];
  };
  const train = (): void => {
    if (new Set(painted.value.map((p) => p[2])).size > 1) trainOn({ points: painted.value });
  };
  return (
    <Card
      title={say("painting")}
      part="boundary"
      id="boundary"
      actions={
        <>
          {Array.from({ length: CLASSES }, (_, i) => (
            <label class="inline" key={i}>
              <input
                type="radio"
                name="class"
                checked={chosen.value === i}
                onChange={() => {
                  chosen.value = i;
                }}
              />
              <span class="swatch" style={{ background: css(classColour(i)) }} />
              {say("pointClass", { i: i + 1 })}
            </label>
          ))}
          <button
            type="button"
            onClick={() => {
              painted.value = [];
            }}
          >
            {say("clear")}
          </button>
        </>
      }
    >
      <p class="soft">{say("paintHint")}</p>
      <div
        class="plane painting"
        id="plane"
        onPointerDown={put}
        onPointerMove={(e) => e.buttons === 1 && put(e)}
        onPointerUp={train}
      >
        <Plane picture={picture} points={toPoints(painted.value)} />
      </div>
    </Card>
  );
}

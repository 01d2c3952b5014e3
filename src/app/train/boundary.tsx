import { useSignal } from "@preact/signals";
import { Canvas } from "../draw/canvas.tsx";
import { classColour, css, token } from "../draw/colours.ts";
import { Card } from "../shell/card.tsx";
import { type Point, points as painted, painting } from "../state/paint.ts";
import { pictures, run, trainOn } from "../state/store.ts";
import { dark } from "../state/theme.ts";
import type { Boundary, RunInfo } from "../worker/types.ts";
import { say } from "./strings.ts";

const SIDE = 400;
/** Half the side of the plane while there is nothing on it yet: what painted points in [-1, 1] will give. */
const EXTENT = 1.1;
const CLASSES = 3;
/** Distance between two points of a drag. */
const APART = 0.07;

function drawBoundary(context: CanvasRenderingContext2D, b: Boundary | null, points: RunInfo["points"]): void {
  const extent = b?.extent ?? EXTENT;
  if (b) {
    const image = new ImageData(b.size, b.size);
    const strength = dark.value ? 130 : 110;
    b.classes.forEach((c, i) => {
      const [r, g, bl] = classColour(c);
      image.data.set([r, g, bl, 20 + strength * b.sure[i]! ** 2], i * 4);
    });
    const small = new OffscreenCanvas(b.size, b.size);
    small.getContext("2d")!.putImageData(image, 0, 0);
    context.drawImage(small, 0, 0, SIDE, SIDE);
  }
  const place = (v: number): number => ((v / extent + 1) / 2) * SIDE;
  context.lineWidth = 1;
  context.strokeStyle = token("--card");
  points?.labels.forEach((label, i) => {
    context.beginPath();
    context.arc(place(points.x[2 * i]!), SIDE - place(points.x[2 * i + 1]!), 3.4, 0, 2 * Math.PI);
    context.fillStyle = css(classColour(label));
    context.fill();
    context.stroke();
  });
}

function toPoints(list: readonly Point[]): RunInfo["points"] {
  return { x: Float32Array.from(list.flatMap((p) => [p[0], p[1]])), labels: Int32Array.from(list.map((p) => p[2])) };
}

/** What the net says over the plane, with the points on it; and where points are painted. */
export function BoundaryCard() {
  const chosen = useSignal(0);
  const isPainting = painting.value;
  const picture = isPainting && painted.value.length === 0 ? null : (pictures.value?.boundary ?? null);
  const points = isPainting ? toPoints(painted.value) : (run.value?.points ?? null);
  if (!isPainting && !picture) return null;
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
      title={say(isPainting ? "painting" : "boundary")}
      part="boundary"
      id="boundary"
      actions={
        isPainting && (
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
        )
      }
    >
      <p class="soft">{say(isPainting ? "paintHint" : "boundaryText")}</p>
      <div
        class={`plane ${isPainting ? "painting" : ""}`}
        id="plane"
        {...(isPainting
          ? {
              onPointerDown: put,
              onPointerMove: (e: PointerEvent) => e.buttons === 1 && put(e),
              onPointerUp: train,
            }
          : {})}
      >
        <Canvas
          width={SIDE}
          height={SIDE}
          label={say("boundaryLabel")}
          of={[picture, points, painted.value]}
          draw={(c) => drawBoundary(c, picture, points)}
        />
      </div>
    </Card>
  );
}

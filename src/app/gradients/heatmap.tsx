import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Canvas, imageOf, largest } from "../draw/canvas.tsx";
import { token } from "../draw/colours.ts";
import { short } from "../draw/format.ts";
import { Card } from "../shell/card.tsx";
import type { TensorPicture } from "../worker/xray.ts";
import { report, shown } from "./state.ts";
import { say } from "./strings.ts";
import { placeText, wrongTokens } from "./tokens.ts";

const WIDTH = 560;
const TALLEST = 340;

/** Cells this wide have room for their number. */
const LEGIBLE = 46;
const CLOSEST = 90;

const modes = ["bound", "difference", "value"] as const;
type Mode = (typeof modes)[number];

function valuesOf(t: TensorPicture, mode: Mode): Float64Array {
  if (mode === "value" || !t.device) return t.exact;
  return t.exact.map((e, i) => {
    const off = t.device![i]! - e;
    return mode === "difference" ? off : off === 0 ? 0 : off / Math.max(t.bound?.[i] ?? 0, Number.MIN_VALUE);
  });
}

/** What is looked at: the element at the left upper corner, and the size of a cell. */
interface View {
  readonly x: number;
  readonly y: number;
  readonly cell: number;
}

/** Every element of a tensor as a cell, from far to so near that each shows its number. */
export function Heatmap() {
  const t = shown.value;
  const mode = useSignal<Mode>("bound");
  const view = useSignal<View>({ x: 0, y: 0, cell: 1 });
  const under = useSignal<readonly [number, number] | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const fit = t ? Math.min(CLOSEST, WIDTH / t.columns, TALLEST / t.rows) : 1;
  useEffect(() => {
    view.value = { x: 0, y: 0, cell: fit };
    under.value = null;
  }, [t]);
  if (!t) {
    return (
      <Card title={say("heatmap")} id="heatmap">
        <p class="soft">{say("heatmapHint")}</p>
      </Card>
    );
  }
  const height = Math.max(60, Math.min(TALLEST, t.rows * fit));
  const values = valuesOf(t, mode.value);
  const most = mode.value === "bound" ? 1 : largest(values);
  const v = view.value;
  const clamp = (next: View): void => {
    const cell = Math.max(fit, Math.min(CLOSEST, next.cell));
    const room = (size: number, span: number): number => Math.max(0, size - span / cell);
    view.value = {
      cell,
      x: Math.max(0, Math.min(room(t.columns, WIDTH), next.x)),
      y: Math.max(0, Math.min(room(t.rows, height), next.y)),
    };
  };
  const zoom = (by: number, px = WIDTH / 2, py = height / 2): void => {
    const cell = Math.max(fit, Math.min(CLOSEST, v.cell * by));
    clamp({ cell, x: v.x + px / v.cell - px / cell, y: v.y + py / v.cell - py / cell });
  };
  const pan = (dx: number, dy: number): void => clamp({ ...v, x: v.x + dx / v.cell, y: v.y + dy / v.cell });
  const place = (e: MouseEvent): readonly [number, number] => {
    const r = box.current!.getBoundingClientRect();
    return [((e.clientX - r.left) / r.width) * WIDTH, ((e.clientY - r.top) / r.width) * WIDTH];
  };
  const keys: Readonly<Record<string, () => void>> = {
    "+": () => zoom(1.6),
    "=": () => zoom(1.6),
    "-": () => zoom(1 / 1.6),
    ArrowLeft: () => pan(-60, 0),
    ArrowRight: () => pan(60, 0),
    ArrowUp: () => pan(0, -60),
    ArrowDown: () => pan(0, 60),
  };
  const at = under.value;
  const wrong = wrongTokens(t, report.value!);
  const index = at ? at[0] * t.columns + at[1] : -1;
  return (
    <Card
      title={`${say("heatmap")}: ${t.name}`}
      id="heatmap"
      actions={
        <>
          <select
            aria-label={say("mode")}
            value={mode.value}
            onChange={(e) => {
              mode.value = e.currentTarget.value as Mode;
            }}
          >
            {modes.map((m) => (
              <option key={m} value={m}>
                {say(`mode${m}`)}
              </option>
            ))}
          </select>
          <button type="button" class="small" id="zoom-in" aria-label={say("zoomIn")} onClick={() => zoom(2)}>
            +
          </button>
          <button type="button" class="small" aria-label={say("zoomOut")} onClick={() => zoom(0.5)}>
            −
          </button>
          <button type="button" class="small" onClick={() => clamp({ x: 0, y: 0, cell: fit })}>
            {say("whole")}
          </button>
        </>
      }
    >
      <div
        ref={box}
        class="heat"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keys zoom and move it
        tabIndex={0}
        role="group"
        aria-label={say("heatmapLabel", { tensor: t.name, rows: t.rows, columns: t.columns })}
        onKeyDown={(e) => {
          const act = keys[e.key];
          if (!act) return;
          act();
          e.preventDefault();
          e.stopPropagation();
        }}
        onWheel={(e) => {
          e.preventDefault();
          zoom(e.deltaY < 0 ? 1.25 : 0.8, ...place(e));
        }}
        onPointerMove={(e) => {
          const [px, py] = place(e);
          const cell = [Math.floor(v.y + py / v.cell), Math.floor(v.x + px / v.cell)] as const;
          under.value = cell[0] < t.rows && cell[1] < t.columns ? cell : null;
          if (e.buttons === 1) pan(-e.movementX, -e.movementY);
        }}
      >
        <Canvas
          width={WIDTH}
          height={height}
          label={say("heatmapLabel", { tensor: t.name, rows: t.rows, columns: t.columns })}
          of={[values, v, mode.value]}
          draw={(c) => draw(c, t, values, most, v)}
        />
      </div>
      <p class="soft" id="element">
        {at
          ? say("element", {
              place: placeText(t.name, t.rows === 1 ? [at[1]] : at, report.value!),
              device: t.device ? short(t.device[index]!, 8) : "–",
              exact: short(t.exact[index]!, 8),
              bound: t.bound ? short(t.bound[index]!) : "–",
            })
          : mode.value === "bound"
            ? say("boundColour")
            : say("fullColour", { most: short(most) })}
      </p>
      {wrong.named.length > 0 && (
        <p id="wrong-tokens">
          {say("wrongTokens", { tokens: wrong.named.join(" ") })}
          {wrong.more > 0 && say("moreTokens", { n: wrong.more })}
        </p>
      )}
      <p class="soft">{say("heatmapHint")}</p>
    </Card>
  );
}

function draw(c: CanvasRenderingContext2D, t: TensorPicture, values: Float64Array, most: number, v: View): void {
  c.imageSmoothingEnabled = false;
  c.drawImage(imageOf(values, t.columns, most), -v.x * v.cell, -v.y * v.cell, t.columns * v.cell, t.rows * v.cell);
  if (v.cell < 8) return;
  c.strokeStyle = token("--line");
  c.fillStyle = token("--text");
  c.font = "11px ui-monospace, monospace";
  c.textAlign = "center";
  c.textBaseline = "middle";
  const rows = Math.min(t.rows, Math.ceil(v.y + TALLEST / v.cell));
  const columns = Math.min(t.columns, Math.ceil(v.x + WIDTH / v.cell));
  for (let row = Math.floor(v.y); row < rows; row++) {
    for (let column = Math.floor(v.x); column < columns; column++) {
      const [x, y] = [(column - v.x) * v.cell, (row - v.y) * v.cell];
      c.strokeRect(x + 0.5, y + 0.5, v.cell, v.cell);
      if (v.cell >= LEGIBLE) c.fillText(short(values[row * t.columns + column]!, 2), x + v.cell / 2, y + v.cell / 2);
    }
  }
}

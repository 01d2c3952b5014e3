import { useSignal } from "@preact/signals";
import { Canvas, imageOf, largest } from "../draw/canvas.tsx";
import { token } from "../draw/colours.ts";
import { short } from "../draw/format.ts";
import type { Tiles } from "../worker/inside.ts";
import { say } from "./strings.ts";

/** Side that a picture is drawn at, about; between two; and the width that they fill. */
const SIDE = 56;
const GAP = 4;
const WIDTH = 476;

/** A pixel of one picture. */
interface Spot {
  readonly tile: number;
  readonly x: number;
  readonly y: number;
}

/** Where pictures of one size lie. */
function gridOf({ count, height, width }: Tiles) {
  const scale = Math.max(1, Math.min(10, Math.floor(SIDE / Math.max(height, width))));
  // One value high, as of a signal: a strip that can be seen.
  const [w, h] = [Math.min(WIDTH, width * scale), Math.max(10, height * scale)];
  const across = Math.max(1, Math.min(count, Math.floor((WIDTH + GAP) / (w + GAP))));
  return {
    w,
    h,
    across,
    drawnHeight: Math.ceil(count / across) * (h + GAP) - GAP,
    drawnWidth: across * (w + GAP) - GAP,
  };
}

/** Pictures in rows, blue below zero and orange above, with the value under the pointer or the arrow keys. */
export function TileGrid({ tiles, title, value }: { tiles: Tiles; title: string; value: "pixel" | "weight" }) {
  const spot = useSignal<Spot | null>(null);
  const { count, height, width, values } = tiles;
  const { w, h, across, drawnHeight, drawnWidth } = gridOf(tiles);
  const most = largest(values);
  const at = spot.value;
  const place = (tile: number): readonly [number, number] => [
    (tile % across) * (w + GAP),
    Math.floor(tile / across) * (h + GAP),
  ];
  const draw = (context: CanvasRenderingContext2D): void => {
    context.imageSmoothingEnabled = false;
    context.strokeStyle = token("--line");
    for (let t = 0; t < count; t++) {
      const [x, y] = place(t);
      const size = height * width;
      context.drawImage(imageOf(values.subarray(t * size, (t + 1) * size), width, most), x, y, w, h);
      context.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
    }
    if (!at) return;
    const [x, y] = place(at.tile);
    context.strokeStyle = token("--text");
    context.lineWidth = 1.5;
    context.strokeRect(x + (at.x * w) / width, y + (at.y * h) / height, w / width, h / height);
  };
  const point = (e: PointerEvent): void => {
    const box = (e.currentTarget as HTMLElement).getBoundingClientRect();
    const px = ((e.clientX - box.left) / box.width) * drawnWidth;
    const py = ((e.clientY - box.top) / box.height) * drawnHeight;
    const [column, line] = [Math.floor(px / (w + GAP)), Math.floor(py / (h + GAP))];
    const tile = line * across + column;
    const [x, y] = [Math.floor(((px % (w + GAP)) / w) * width), Math.floor(((py % (h + GAP)) / h) * height)];
    spot.value = tile < count && column < across && x < width && y < height ? { tile, x, y } : null;
  };
  const keys = (e: KeyboardEvent): void => {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key] ?? [0, 0];
    if (dx === 0 && dy === 0) return;
    e.preventDefault();
    e.stopPropagation();
    const from = spot.value ?? { tile: 0, x: -dx!, y: -dy! };
    // Over the edge of a picture into the next.
    let { tile } = from;
    let [x, y] = [from.x + dx!, from.y + dy!];
    if (x < 0 || x >= width) [tile, x] = [tile + dx!, x < 0 ? width - 1 : 0];
    if (y < 0 || y >= height) [tile, y] = [tile + dy! * across, y < 0 ? height - 1 : 0];
    if (tile >= 0 && tile < count) spot.value = { tile, x, y };
  };
  const text = at
    ? say(value, {
        map: at.tile,
        y: at.y,
        x: at.x,
        value: short(values[(at.tile * height + at.y) * width + at.x] ?? Number.NaN, 4),
      })
    : "";
  return (
    <figure class="tiles">
      <figcaption>
        <b>{title}</b>
        {count < tiles.all && <> ({say("first", { count, all: tiles.all })})</>}
        <Legend most={most} />
      </figcaption>
      <div
        class="tile-grid"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys walk over its values
        tabIndex={0}
        role="group"
        aria-label={title}
        style={{ "--tiles-width": `${drawnWidth}px` }}
        onPointerMove={point}
        onPointerDown={point}
        onPointerLeave={() => {
          spot.value = null;
        }}
        onKeyDown={keys}
        onBlur={() => {
          spot.value = null;
        }}
      >
        <Canvas width={drawnWidth} height={drawnHeight} label={title} of={[values, at]} draw={draw} />
      </div>
      <p class="readout" aria-live="polite">
        {text}
      </p>
    </figure>
  );
}

/** What the colours stand for. */
function Legend({ most }: { most: number }) {
  const draw = (context: CanvasRenderingContext2D): void => {
    const ramp = Float32Array.from({ length: 65 }, (_, i) => i / 32 - 1);
    context.drawImage(imageOf(ramp, 65, 1), 0, 0, 70, 10);
  };
  const text = say("scale", { least: short(-most), most: short(most) });
  return (
    <span class="legend">
      {short(-most)} <Canvas width={70} height={10} label={text} of={[]} draw={draw} /> {short(most)}
    </span>
  );
}

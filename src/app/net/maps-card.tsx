import { useEffect } from "preact/hooks";
import { Choice } from "../data/field.tsx";
import { Canvas } from "../draw/canvas.tsx";
import { count, percent } from "../draw/format.ts";
import { Card } from "../shell/card.tsx";
import { drawn } from "../state/drawn.ts";
import { run } from "../state/store.ts";
import { Pixels } from "../train/confusion.tsx";
import type { Inside } from "../worker/inside.ts";
import { chosen, failed, follow, found, mapLayers, shownLayers, source } from "./maps.ts";
import { say } from "./strings.ts";
import { TileGrid } from "./tile-grid.tsx";
import "../train/chances.css";
import "./maps.css";

/** Which image: a row of the data by its number, or what is drawn in the box. */
function ImageChoice({ seen }: { seen: Inside | null }) {
  const rows = seen?.rows ?? 1;
  const row = source.value === "drawn" ? null : source.value;
  const go = (to: number): void => {
    if (Number.isInteger(to)) source.value = Math.max(0, Math.min(rows - 1, to));
  };
  return (
    <div class="buttons">
      <button
        type="button"
        class="small"
        aria-label={say("rowBefore")}
        disabled={row === 0}
        onClick={() => go((row ?? 1) - 1)}
      >
        ←
      </button>
      <label class="inline" for="maps-row">
        {say("row")}
        <input
          id="maps-row"
          type="number"
          min={0}
          max={rows - 1}
          value={row ?? ""}
          onChange={(e) => go(e.currentTarget.valueAsNumber)}
        />
      </label>
      <button
        type="button"
        class="small"
        id="maps-next"
        aria-label={say("rowAfter")}
        disabled={row === rows - 1}
        onClick={() => go((row ?? -1) + 1)}
      >
        →
      </button>
      {seen?.on && <span class="soft">{say(seen.on === "test" ? "ofTest" : "ofTrain", { rows: count(rows) })}</span>}
      <button
        type="button"
        class="small"
        id="maps-drawn"
        aria-pressed={row === null}
        disabled={drawn.value === null}
        title={drawn.value === null ? say("noDrawn") : undefined}
        onClick={() => {
          source.value = "drawn";
        }}
      >
        {say("drawn")}
      </button>
    </div>
  );
}

const SIDE = 72;

/** The image [channels, height, width]: in colour where it has three, else its first channel. */
function Picture({ pixels, shape }: { pixels: Float32Array; shape: readonly number[] }) {
  const [channels, height, width] = shape as readonly [number, number, number];
  const size = height * width;
  const label = say("theImage");
  if (channels !== 3) return <Pixels pixels={pixels.subarray(0, size)} width={width} side={SIDE} label={label} />;
  const draw = (context: CanvasRenderingContext2D): void => {
    const least = pixels.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    const span = pixels.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY) - least || 1;
    const image = new ImageData(width, height);
    for (let i = 0; i < size; i++) {
      const [r, g, b] = [0, 1, 2].map((c) => (255 * (pixels[c * size + i]! - least)) / span) as [
        number,
        number,
        number,
      ];
      image.data.set([r, g, b, 255], 4 * i);
    }
    const small = new OffscreenCanvas(width, height);
    small.getContext("2d")!.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, SIDE, (SIDE * height) / width);
  };
  return <Canvas width={SIDE} height={(SIDE * height) / width} label={label} of={[pixels]} draw={draw} class="tile" />;
}

function Said({ seen }: { seen: Inside }) {
  const names = run.value?.classes ?? [];
  const best = seen.chances.indexOf(seen.chances.reduce((a, b) => Math.max(a, b), 0));
  if (best < 0) return null;
  const values = { said: names[best] ?? best, sure: percent(seen.chances[best]!, 0) };
  return (
    <figcaption id="maps-said">
      {seen.label === null ? say("saysA", values) : say("isA", { ...values, label: names[seen.label] ?? seen.label })}
    </figcaption>
  );
}

/** The first filters, and what each convolution and pool makes of one image, as the net learns. */
export function MapsCard() {
  useEffect(follow, []);
  const seen = found.value;
  const layers = mapLayers();
  const shown = shownLayers();
  const shape = run.value?.shape;
  return (
    <Card title={say("maps")} part="maps" id="maps">
      <p class="soft">
        {say("mapsText")} {say("explore")}
      </p>
      <ImageChoice seen={seen} />
      {failed.value && <p class="error">{failed.value}</p>}
      {seen && shape?.length === 3 && (
        <figure class="seen">
          <Picture pixels={seen.pixels} shape={shape} />
          <Said seen={seen} />
        </figure>
      )}
      {seen?.filters && (
        <div id="filters">
          <TileGrid
            tiles={seen.filters}
            title={say("filters", {
              layer: seen.filters.name,
              count: seen.filters.all,
              size: `${seen.filters.height} × ${seen.filters.width}`,
            })}
            value="weight"
          />
        </div>
      )}
      {layers.length > shown.length && (
        <Choice
          id="maps-layer"
          label={say("which")}
          value={String(shown[0])}
          names={layers.map((l) => String(l.at))}
          show={(at) => layers.find((l) => String(l.at) === at)!.name}
          onChoose={(at) => {
            chosen.value = Number(at);
          }}
        />
      )}
      {seen?.maps.map((tiles) => (
        <TileGrid
          key={tiles.name}
          tiles={tiles}
          title={say("mapsOf", { layer: tiles.name, count: tiles.all, size: `${tiles.height} × ${tiles.width}` })}
          value="pixel"
        />
      ))}
    </Card>
  );
}

import { Canvas, imageOf, largest } from "../draw/canvas.tsx";
import { token } from "../draw/colours.ts";
import { short } from "../draw/format.ts";
import { Card } from "../shell/card.tsx";
import { pictures, run } from "../state/store.ts";
import type { WeightPicture } from "../worker/types.ts";
import { say } from "./strings.ts";

const WIDTH = 400;
/** Between two pictures. */
const GAP = 4;
/** A cell of a matrix is no higher than this. */
const CELL = 26;

function columnOf(w: WeightPicture, unit: number): Float32Array {
  return Float32Array.from({ length: w.inputs }, (_, i) => w.values[i * w.units + unit]!);
}

/** The first layer's weights: as pictures where inputs are pixels, as a matrix elsewhere. */
export function WeightsCard() {
  const w = pictures.value?.weights;
  const image = run.value?.image ?? null;
  if (!w) return null;
  const most = largest(w.values);
  const isImage = image !== null && image.height * image.width === w.inputs;
  const { units } = w;
  const across = Math.ceil(Math.sqrt(units));
  const tile = (WIDTH + GAP) / across - GAP;
  const matrixHeight = Math.max(80, Math.min(WIDTH, w.inputs * CELL));
  const height = isImage ? Math.ceil(units / across) * (tile + GAP) : matrixHeight;
  const draw = (context: CanvasRenderingContext2D): void => {
    context.imageSmoothingEnabled = false;
    if (!isImage) {
      context.drawImage(imageOf(w.values, w.units, most), 0, 0, WIDTH, matrixHeight);
      return;
    }
    context.strokeStyle = token("--line");
    for (let u = 0; u < units; u++) {
      const x = (u % across) * (tile + GAP);
      const y = Math.floor(u / across) * (tile + GAP);
      const values = columnOf(w, u);
      context.drawImage(imageOf(values, image.width, most), x, y, tile, tile);
      context.strokeRect(x + 0.5, y + 0.5, tile - 1, tile - 1);
    }
  };
  return (
    <Card title={say("weights")} part="weights" id="weights">
      <Canvas width={WIDTH} height={height} label={say("weightsLabel")} of={[w]} draw={draw} class="fill" />
      <p class="soft">{say(isImage ? "weightsUnits" : "weightsMatrix", { most: short(most) })}</p>
    </Card>
  );
}

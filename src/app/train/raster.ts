import type { Frame } from "../worker/types.ts";

export type Stroke = readonly (readonly [x: number, y: number])[];

/** Finer cells that each pixel is averaged from. */
const FINE = 8;

/**
 * Strokes as an image of the data's kind: scaled so that the figure is as large as the data's are, its centre of mass
 * where theirs lies, drawn as thick as theirs.
 */
export function rasterise(strokes: readonly Stroke[], frame: Frame, height: number, width: number): Float32Array {
  const all = strokes.flat();
  const out = new Float32Array(height * width);
  if (all.length === 0) return out;
  const xs = all.map((p) => p[0]);
  const ys = all.map((p) => p[1]);
  const size = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys), 1e-6);
  const scale = Math.max(1, frame.extent - frame.stroke) / size;
  // Drawn once to find the centre of mass, and again with it in its place.
  const middle = [(Math.max(...xs) + Math.min(...xs)) / 2, (Math.max(...ys) + Math.min(...ys)) / 2] as const;
  let offset = [width / 2 - scale * middle[0], height / 2 - scale * middle[1]] as const;
  const first = paint(strokes, scale, offset, frame.stroke, height, width);
  let [mass, mx, my] = [0, 0, 0];
  first.forEach((v, i) => {
    mass += v;
    mx += v * ((i % width) + 0.5);
    my += v * (Math.floor(i / width) + 0.5);
  });
  offset = [offset[0] + frame.centreX - mx / mass, offset[1] + frame.centreY - my / mass];
  return paint(strokes, scale, offset, frame.stroke, height, width);
}

function paint(
  strokes: readonly Stroke[],
  scale: number,
  [dx, dy]: readonly [number, number],
  thick: number,
  height: number,
  width: number,
): Float32Array {
  const canvas = new OffscreenCanvas(width * FINE, height * FINE);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.lineWidth = thick * FINE;
  context.lineCap = "round";
  context.lineJoin = "round";
  for (const stroke of strokes) {
    context.beginPath();
    stroke.forEach(([x, y], i) => {
      const at = [(x * scale + dx) * FINE, (y * scale + dy) * FINE] as const;
      if (i === 0) context.moveTo(...at);
      context.lineTo(...at);
    });
    context.stroke();
  }
  const { data } = context.getImageData(0, 0, width * FINE, height * FINE);
  const out = new Float32Array(height * width);
  for (let y = 0; y < height * FINE; y++) {
    for (let x = 0; x < width * FINE; x++) {
      const at = Math.floor(y / FINE) * width + Math.floor(x / FINE);
      out[at]! += data[4 * (y * width * FINE + x) + 3]! / 255 / FINE ** 2;
    }
  }
  return out;
}

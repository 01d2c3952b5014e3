import { Canvas } from "../draw/canvas.tsx";
import { classColour, css, token } from "../draw/colours.ts";
import { dark } from "../state/theme.ts";
import type { Boundary, RunInfo } from "../worker/types.ts";
import { say } from "./strings.ts";

const SIDE = 400;
/** Half the side of the plane while there is nothing on it yet: what painted points in [-1, 1] will give. */
export const EXTENT = 1.1;

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

/** The plane coloured by what the net says of it, with points on it. */
export function Plane({ picture, points }: { picture: Boundary | null; points: RunInfo["points"] }) {
  return (
    <Canvas
      width={SIDE}
      height={SIDE}
      label={say("boundaryLabel")}
      of={[picture, points]}
      draw={(c) => drawBoundary(c, picture, points)}
    />
  );
}

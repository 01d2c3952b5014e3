import { useEffect, useRef } from "preact/hooks";
import { boundary, run } from "./store.ts";

/** Okabe and Ito's colours: told apart with any colour vision. */
const palette = [
  [0, 114, 178],
  [230, 159, 0],
  [0, 158, 115],
] as const;

const SIDE = 360;

/** What the net says over the plane, with the training points on it. */
export function BoundaryView() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const picture = boundary.value;
  const points = run.value?.points ?? null;
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context || !picture) return;
    const image = new ImageData(picture.size, picture.size);
    picture.classes.forEach((c, i) => {
      const [r, g, b] = palette[c % palette.length]!;
      image.data.set([r, g, b, Math.round(40 + 130 * picture.sure[i]!)], i * 4);
    });
    const small = new OffscreenCanvas(picture.size, picture.size);
    small.getContext("2d")!.putImageData(image, 0, 0);
    context.clearRect(0, 0, SIDE, SIDE);
    context.imageSmoothingEnabled = true;
    context.drawImage(small, 0, 0, SIDE, SIDE);
    if (!points) return;
    const place = (v: number): number => ((v / picture.extent + 1) / 2) * SIDE;
    points.labels.forEach((label, i) => {
      const [r, g, b] = palette[label % palette.length]!;
      context.beginPath();
      context.arc(place(points.x[2 * i]!), SIDE - place(points.x[2 * i + 1]!), 3, 0, 2 * Math.PI);
      context.fillStyle = `rgb(${r} ${g} ${b})`;
      context.fill();
      context.strokeStyle = "white";
      context.lineWidth = 0.8;
      context.stroke();
    });
  }, [picture, points]);
  if (!picture) return null;
  return (
    <section class="card picture">
      <canvas ref={canvas} width={SIDE} height={SIDE} role="img" aria-label="decision boundary" />
    </section>
  );
}

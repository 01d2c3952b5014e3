import { useEffect, useRef } from "preact/hooks";
import { dark } from "../state/theme.ts";
import { diverging } from "./colours.ts";

/** A canvas that is drawn again when what it shows, or the scheme, changes. `label` is what it shows, in words. */
export function Canvas(props: {
  width: number;
  height: number;
  label: string;
  class?: string;
  draw: (context: CanvasRenderingContext2D) => void;
  of: readonly unknown[];
}) {
  const ref = useRef<HTMLCanvasElement>(null);
  const scale = Math.min(2, devicePixelRatio || 1);
  const scheme = dark.value;
  useEffect(() => {
    const context = ref.current!.getContext("2d")!;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, props.width, props.height);
    props.draw(context);
  }, [...props.of, scheme, props.width, props.height]);
  return (
    <canvas
      ref={ref}
      class={props.class}
      style={{ "--drawn-width": `${props.width}px` }}
      width={Math.round(props.width * scale)}
      height={Math.round(props.height * scale)}
      role="img"
      aria-label={props.label}
    />
  );
}

/** Values as an image of one pixel each; `most` is what full colour stands for. */
export function imageOf(values: ArrayLike<number>, columns: number, most: number): OffscreenCanvas {
  const rows = Math.ceil(values.length / columns);
  const image = new ImageData(columns, rows);
  for (let i = 0; i < values.length; i++) {
    const [r, g, b] = diverging(most > 0 ? values[i]! / most : 0);
    image.data.set([r, g, b, 255], 4 * i);
  }
  const canvas = new OffscreenCanvas(columns, rows);
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  return canvas;
}

export function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) if (Math.abs(values[i]!) > most) most = Math.abs(values[i]!);
  return most;
}

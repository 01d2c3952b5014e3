import { CONTROL, LARGEST_SCALE, LEAST_SCALE, type Scaling } from "../step/step.ts";

/**
 * Gradients that are `control[scale]` times too large, a power of two: what clips them divides them by it too, exactly.
 * After `growAfter` good steps in a row the scale doubles, after one that is not finite it halves; 0 leaves it as it is.
 * The ring gets the scale of the next step for the gate, and minus that for a closed one.
 */
export function scaling(growAfter: number): Scaling {
  const [scale, good] = [`control[${CONTROL.scale}]`, `control[${CONTROL.good}]`];
  return {
    // By its exponent, since a division may be off by an ulp or two.
    before: `  let unscale = bitcast<f32>(0x7f000000u - bitcast<u32>(${scale}));`,
    after: `  control[${CONTROL.clip}] *= unscale;
  let inRow = select(0.0, ${good} + 1.0, fine);
  let grows = ${growAfter > 0} && inRow >= ${growAfter}f;
  let kept = select(max(0.5 * ${scale}, ${LEAST_SCALE}f), ${scale}, fine || ${growAfter === 0});
  ${scale} = select(kept, min(2.0 * ${scale}, ${LARGEST_SCALE}f), grows);
  ${good} = select(inRow, 0.0, grows);
  ring[at + 3u] = sealed(select(-${scale}, ${scale}, fine), step, numbers);`,
  };
}

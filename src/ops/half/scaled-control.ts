import { scaling } from "../../../shaders/half/loss-scale.ts";
import { CONTROL, LARGEST_SCALE, LEAST_SCALE } from "../../../shaders/step/step.ts";
import type { NdArray } from "../../core/ndarray.ts";
import type { Op } from "../../graph/op.ts";
import type { ControlAttrs } from "../step/control.ts";
import { type RecordAttrs, seal } from "../step/record.ts";

export interface ScaledControlAttrs extends ControlAttrs, RecordAttrs {
  /** Good steps in a row after which the scale doubles; 0 for a scale that stays. */
  readonly growAfter: number;
}

/**
 * `controlAndRecord` where gradients are `control[scale]` times too large, a power of two. Inputs control f32 [8], cursor,
 * loss [1], stats, ring; outputs control, cursor, ring. The clipping factor divides by the scale too. The scale halves
 * after a step that is not finite, and doubles after good ones; the ring gets the next step's where it had the gate, with
 * a minus for a closed one. The op that it is a form of is handed over, as graphs hand over theirs to ops/half/halved.ts.
 */
export function scaledControl(controlAndRecord: Op<ControlAttrs & RecordAttrs>): Op<ScaledControlAttrs> {
  made ??= make(controlAndRecord);
  return made;
}

let made: Op<ScaledControlAttrs> | null = null;

const make = (controlAndRecord: Op<ControlAttrs & RecordAttrs>): Op<ScaledControlAttrs> => ({
  name: "scaledControl",
  infer: (inputs, attrs) => controlAndRecord.infer(inputs, attrs),
  reference(inputs, attrs) {
    const scale = inputs[0]!.data[CONTROL.scale]!;
    const step = inputs[1]!.data[0]!;
    const [c, cursor, ring] = controlAndRecord.reference(unscaled(inputs, scale), attrs) as [NdArray, NdArray, NdArray];
    const fine = c.data[CONTROL.gate] !== 0;
    c.data[CONTROL.clip]! /= scale;
    moveScale(c.data, fine, attrs.growAfter);
    seal(ring, slotOf(step, attrs), step, (fine ? 1 : -1) * c.data[CONTROL.scale]!);
    return [c, cursor, ring];
  },
  gradient: "none",
  ...(controlAndRecord.inPlace ? { inPlace: controlAndRecord.inPlace } : {}),
  kernels: controlAndRecord.kernels.map((kernel) => ({
    name: "scaledControl/one",
    plan(inputs, outputs, a, caps) {
      return kernel.plan(inputs, outputs, { ...a, scaling: scaling(a.growAfter) }, caps);
    },
  })),
  proof: { family: "scaledControlProof", of: controlAndRecord },
});

export const slotOf = (step: number, { slots }: RecordAttrs): number => (step % slots) * 4;

/** The same with sums of squares of gradients that are not scaled. */
export function unscaled(inputs: readonly NdArray[], scale: number): readonly NdArray[] {
  return inputs.map((x, i) => {
    if (i !== 3) return x;
    return { ...x, data: x.data.map((v, k) => (k % 2 === 0 ? v / scale / scale : v)) as typeof x.data };
  });
}

/** The next step's scale, and the good steps behind it, in place. */
function moveScale(d: NdArray["data"], fine: boolean, growAfter: number): void {
  const scale = d[CONTROL.scale]!;
  const good = fine ? d[CONTROL.good]! + 1 : 0;
  const grows = growAfter > 0 && good >= growAfter;
  if (grows) d[CONTROL.scale] = Math.min(2 * scale, LARGEST_SCALE);
  else if (!fine && growAfter > 0) d[CONTROL.scale] = Math.max(scale / 2, LEAST_SCALE);
  d[CONTROL.good] = grows ? 0 : good;
}

import { CONTROL, LARGEST_SCALE, LEAST_SCALE } from "../../../shaders/step/step.ts";
import type { Op, OpCase, Proof, ProofOf } from "../../graph/op.ts";
import type { ControlAttrs } from "../step/control.ts";
import type { RecordAttrs } from "../step/record.ts";
import { type ScaledControlAttrs, slotOf, unscaled } from "./scaled-control.ts";

/** Of the form of `op`, controlAndRecord, where gradients are scaled. */
export async function scaledControlProof(
  op: Op<ControlAttrs & RecordAttrs>,
  proofOf: ProofOf,
): Promise<Proof<ScaledControlAttrs>> {
  const whole = await proofOf(op);
  return {
    async bound(inputs, errors, outputs, attrs) {
      const scale = inputs[0]!.data[CONTROL.scale]!;
      const step = inputs[1]!.data[0]!;
      const [c, cursor, ring] = await whole.bound!(unscaled(inputs, scale), errors, outputs, attrs);
      // All three are exact: the scale is moved by powers of two.
      for (const at of [CONTROL.scale, CONTROL.good]) c!.data[at] = 0;
      c!.data[CONTROL.clip]! /= scale;
      // The seal is one of numbers that were rounded.
      const mark = slotOf(step, attrs) + 3;
      ring!.data[mark] = Math.abs(outputs[2]!.data[mark]!);
      return [c!, cursor ?? null, ring!];
    },
    cases: casesOf(whole.cases),
  };
}

function casesOf(cases: readonly OpCase<ControlAttrs & RecordAttrs>[]): readonly OpCase<ScaledControlAttrs>[] {
  const given = (name: string): OpCase<ControlAttrs & RecordAttrs> => cases.find((c) => c.name === name)!;
  const at = (name: string, of: string, scale: number, good: number, growAfter: number) => {
    const { inputs, attrs } = given(of);
    const [c, ...rest] = inputs;
    const fill = [...(c!.fill as readonly number[]).slice(0, CONTROL.scale), scale, good];
    return { name, inputs: [{ ...c!, fill }, ...rest], attrs: { ...attrs, growAfter } };
  };
  return [
    at("a good step", "constant", 1024, 6, 8),
    at("clips", "clips", 2 ** -6, 6, 8),
    at("cosine", "cosine", 4, 6, 8),
    at("the scale doubles", "constant", 1024, 7, 8),
    at("no larger", "constant", LARGEST_SCALE, 7, 8),
    at("the scale halves", "loss is NaN", 1024, 7, 8),
    at("no smaller", "loss is infinite", LEAST_SCALE, 0, 8),
    at("the scale stays", "loss is NaN", 0.5, 3, 0),
  ];
}

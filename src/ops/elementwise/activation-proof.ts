import type { CaseInput, OpCase, Proof } from "../../graph/op.ts";
import { boundLike, errorAt, TINY } from "../shared/rounding.ts";
import { type ActivationAttrs, type ActivationSpec, valuesOf } from "./activation.ts";

/** Of an activation. */
export function activationProof(spec: ActivationSpec): Proof<ActivationAttrs> {
  return {
    bound([x], [ex], [y], { alpha }) {
      const out = boundLike(y!);
      for (let i = 0; i < out.data.length; i++) {
        out.data[i] = activationError(spec, x!.data[i]!, errorAt(ex, i), alpha);
      }
      return [out];
    },
    cases: caseShapes.map((shape) => oneCase(shape, [{ shape, dtype: "f32", scale: 2 }], spec)),
  };
}

/** Of its gradient. */
export function activationGradientProof(spec: ActivationSpec): Proof<ActivationAttrs> {
  return {
    bound([dy, v], [edy, ev], [dx], { alpha }) {
      const out = boundLike(dx!);
      for (let i = 0; i < out.data.length; i++) {
        const at = v!.data[i]!;
        // A device may flush a subnormal to zero, where the derivative can be another.
        const e = errorAt(ev, i) + (Math.abs(at) < TINY ? Math.abs(at) : 0);
        const d = spec.dfn(at, alpha);
        const moved =
          e === 0 ? 0 : Math.max(Math.abs(spec.dfn(at + e, alpha) - d), Math.abs(spec.dfn(at - e, alpha) - d));
        const rounding = ((spec.gradientRounding(at) + 1) * Math.abs(d) + (spec.gradientFloor ?? 0)) * 2 ** -24;
        const slope = Math.abs(d) + moved + rounding;
        const g = Math.abs(dy!.data[i]!);
        const eg = errorAt(edy, i);
        out.data[i] = g * (moved + rounding) + eg * slope + 2 * TINY * (1 + g);
      }
      return [out];
    },
    cases: caseShapes.map((shape) =>
      oneCase(
        shape,
        [
          { shape, dtype: "f32" },
          { shape, dtype: "f32", scale: 2, ...(spec.of === "y" ? { through: valuesOf(spec) } : {}) },
        ],
        spec,
      ),
    ),
  };
}

const caseShapes: readonly (readonly number[])[] = [[1], [3, 5], [64, 33], [700, 3]];

function oneCase(
  shape: readonly number[],
  inputs: readonly CaseInput[],
  spec: ActivationSpec,
): OpCase<ActivationAttrs> {
  return { name: shape.join("x"), inputs, attrs: { alpha: spec.defaultAlpha ?? 0 } };
}

/** Bound of the error of spec(x) in f32 when x itself is off by up to `e`. */
function activationError(spec: ActivationSpec, x: number, e: number, alpha: number): number {
  const f = spec.fn(x, alpha);
  const moved = Math.max(Math.abs(spec.fn(x + e, alpha) - f), Math.abs(spec.fn(x - e, alpha) - f));
  const rounding = ((spec.rounding(x) + 1) * (Math.abs(f) + moved) + (spec.floor ?? 0)) * 2 ** -24;
  return moved + rounding + 2 * TINY * (1 + Math.abs(x));
}

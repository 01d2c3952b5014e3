import { requireKnownFields } from "../core/arguments.ts";
import { ChainruleError } from "../core/errors.ts";

/**
 * What large weights cost: l1 sum |w| + l2 sum w^2 over all weights (not biases, scales and shifts) is part of the loss
 * that steps report and that gradients are of; evaluations report the loss of the rows alone. l2 is half of what plain
 * descent's weightDecay is: torch writes weight_decay / 2 sum w^2.
 */
export interface PenaltySpec {
  /** Factor of the sum of |w| over all weights; none by default. */
  readonly l1?: number;
  /** Factor of the sum of w^2 over all weights; none by default. */
  readonly l2?: number;
}

/** Throws on a penalty that cannot be meant; null where there is none. */
export function checkPenalty(spec: PenaltySpec | null | undefined): PenaltySpec | null {
  if (!spec) return null;
  requireKnownFields("penalty", spec, ["l1", "l2"]);
  for (const key of ["l1", "l2"] as const) {
    const value = spec[key] ?? 0;
    if (!(value >= 0 && Number.isFinite(value))) {
      throw new ChainruleError("usage", `penalty: ${key} must be at least 0, got ${value}`);
    }
  }
  return spec.l1 || spec.l2 ? spec : null;
}

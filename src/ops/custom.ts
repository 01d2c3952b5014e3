import { log1p, safeSigmoid, safeTanh } from "../../shaders/math.ts";
import { normalCdf } from "../../shaders/normal.ts";
import { ChainruleError } from "../core/errors.ts";
import type { NdArray } from "../core/ndarray.ts";
import { randomWord, STREAM } from "../core/philox.ts";
import type { Op, Proof } from "../graph/op.ts";
import { type Activation, type ActivationSpec, activation } from "./elementwise/activation.ts";
import { activationNames } from "./names.ts";
import { boundLike } from "./shared/rounding.ts";

/** WGSL functions that are finite where WGSL's own are not: name those that an activation calls in its `includes`. */
export const wgslMath = {
  /** safeTanh(x) */
  safeTanh,
  /** safeSigmoid(x) = 1 / (1 + exp(-x)) */
  safeSigmoid,
  /** log1pUnit(e) = log(1 + e) for e from 0 to 1 */
  log1p,
  /** normalCdf(x), normalPdf(x): the standard normal distribution */
  normalCdf,
} as const;

/** An activation function of user code. */
export interface CustomActivation {
  /** Letters and digits, a letter first; not the name of one of Chainrule's own. */
  readonly name: string;
  /** f(x). `alpha` is its one number, where it has one. */
  readonly fn: (x: number, alpha: number) => number;
  /** d fn / d x, from the input x; from the output y where `of` is "y". */
  readonly dfn: (v: number, alpha: number) => number;
  /** Whether the derivative is a function of the input or of the output. Default "x". */
  readonly of?: "x" | "y";
  /** The same two in WGSL: expressions in `x` (the second in `x` or `y`, as `of` says) and `alpha`. */
  readonly wgsl: string;
  /** The derivative, to be multiplied by dy: give the factor alone. */
  readonly wgslGradient: string;
  /** WGSL functions that they call, such as those of `wgslMath`. */
  readonly includes?: readonly string[];
  /** `alpha` where a layer names none, and in the checks. Default 0. */
  readonly defaultAlpha?: number;
  /** How far a right f32 result may be off: relative, in units of 2^-24. */
  readonly rounding?: ActivationSpec["rounding"];
  /** The same for the derivative at `v`, which `dfn` takes. Default of both: 64 + 4 min(|x|, 88), and 32 absolute. */
  readonly gradientRounding?: ActivationSpec["gradientRounding"];
}

/** WGSL's exp is within 3 + 2|x| ulp; some operations around it. */
const usualRounding = (x: number): number => 64 + 4 * Math.min(Math.abs(x), 88);
/** Absolute error where terms near 1 cancel, in units of 2^-24. */
const FLOOR = 32;

/**
 * An activation out of two functions and their WGSL. It has both kernels, the gradient and a form for the kernel that
 * runs whole steps; on the CPU its functions run as they are. `checkOp` of "chainrule/check" holds the four against
 * each other; `activationLayer` makes a layer of it.
 *
 *     const square = defineActivation({
 *       name: "square",
 *       fn: (x) => x * x,
 *       dfn: (x) => 2 * x,
 *       wgsl: "x * x",
 *       wgslGradient: "2.0 * x",
 *     });
 *
 * Throws ChainruleError "model" for a name that is taken or no identifier, and where one of the four is missing.
 */
export function defineActivation(spec: CustomActivation): Activation {
  identifier("an activation", spec.name);
  if ((activationNames as readonly string[]).includes(spec.name)) {
    throw new ChainruleError("model", `there is an activation "${spec.name}" already; take another name`);
  }
  for (const key of ["fn", "dfn"] as const) {
    if (typeof spec[key] !== "function") throw new ChainruleError("model", `${spec.name}: ${key} must be a function`);
  }
  for (const key of ["wgsl", "wgslGradient"] as const) {
    if (typeof spec[key] !== "string" || spec[key].trim() === "") {
      throw new ChainruleError("model", `${spec.name}: ${key} must be an expression of WGSL`);
    }
  }
  return activation({
    of: "x",
    includes: [],
    rounding: usualRounding,
    gradientRounding: usualRounding,
    floor: FLOOR,
    gradientFloor: FLOOR,
    ...spec,
    inWasm: false,
  });
}

/** An op of user code: what Chainrule's own have, with the bound, if there is one, and the cases in the record itself. */
export type OpRecord<A> = Omit<Op<A>, "proof"> & Proof<A>;

/**
 * An op out of a full record, as Chainrule's own are: shape rule, reference in plain loops, gradient rule, kernels,
 * cases. A record without `bound` gets one by trial, which is no proof but serves to find what is wrong: 1e-5 of each
 * value and 1e-6 of the largest, and what the reference makes of errors in its inputs. Throws ChainruleError "model" for
 * a name that is no identifier, a record that lacks a part, and an empty list of cases.
 */
export function defineOp<A>({ bound, cases, ...op }: OpRecord<A>): Op<A> {
  identifier("an op", op.name);
  for (const key of ["infer", "reference"] as const) {
    if (typeof op[key] !== "function") throw new ChainruleError("model", `op ${op.name}: ${key} must be a function`);
  }
  if (op.gradient !== "none" && typeof op.gradient !== "function") {
    throw new ChainruleError("model", `op ${op.name}: gradient must be "none" or a function (g, node, dys) => dxs`);
  }
  if (!Array.isArray(op.kernels) || op.kernels.some((k) => !k?.name || typeof k.plan !== "function")) {
    throw new ChainruleError("model", `op ${op.name}: kernels must be a list of { name, plan }`);
  }
  if (!Array.isArray(cases) || cases.length === 0) {
    throw new ChainruleError("model", `op ${op.name}: cases must be a list of inputs that checks can run it on`);
  }
  return { ...op, proof: { bound: bound ?? trialBound(op.reference), cases } };
}

/** Sign patterns that errors of inputs are tried in, and the factor for those that are worse. */
const PATTERNS = 4;
const WORSE = 16;

function trialBound<A>(reference: Op<A>["reference"]): NonNullable<Proof<A>["bound"]> {
  return (inputs, errors, outputs, attrs) => {
    const moved = (pattern: number): readonly NdArray[] => {
      const shifted = inputs.map((x, k) => {
        const e = errors[k];
        const sign = (i: number): number => (randomWord(pattern, STREAM.check, k, i) & 1 ? 1 : -1);
        return { ...x, data: e ? Float64Array.from(x.data, (v, i) => v + sign(i) * e.data[i]!) : x.data.slice() };
      });
      return reference(shifted as NdArray[], attrs);
    };
    const trials = errors.some((e) => e) ? Array.from({ length: PATTERNS }, (_, p) => moved(p)) : [];
    return outputs.map((y, k) => {
      if (y.dtype === "i32" || y.dtype === "u32") return null;
      const bound = boundLike(y);
      let largest = 0;
      for (const v of y.data) largest = Math.max(largest, Math.abs(v));
      for (let i = 0; i < bound.data.length; i++) {
        const carried = Math.max(0, ...trials.map((t) => Math.abs(t[k]!.data[i]! - y.data[i]!)));
        bound.data[i] = 1e-5 * Math.abs(y.data[i]!) + 1e-6 * largest + WORSE * carried;
      }
      return bound;
    });
  };
}

function identifier(what: string, name: unknown): void {
  if (typeof name !== "string" || !/^[a-zA-Z][a-zA-Z0-9]*$/.test(name)) {
    throw new ChainruleError("model", `${what} needs a name of letters and digits, got ${JSON.stringify(name)}`);
  }
}

import { type NdArray, ndarray, sizeOf, zeros } from "../../core/ndarray.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import { type Affine, composed, isIdentity, numberOf, widthOf } from "./affine.ts";

/** A layer while its file is read: its parameters, f32, and what the file calls it. */
export type LayerStep = { readonly where: string } & (
  | { readonly kind: "linear"; readonly w: NdArray; readonly b: NdArray | null }
  | { readonly kind: "layerNorm"; readonly scale: NdArray; readonly shift: NdArray; readonly eps: number }
  | { readonly kind: "plain"; readonly layer: LayerSpec }
);
type Linear = Extract<LayerStep, { kind: "linear" }>;
type LayerNorm = Extract<LayerStep, { kind: "layerNorm" }>;

/** No layer by itself: it is to become part of one. */
export interface AffineStep {
  readonly kind: "affine";
  readonly affine: Affine;
  /** How many values there are, where the file says it. */
  readonly width: number | null;
  readonly where: string;
}
export type NetStep = LayerStep | AffineStep;

/** Whom the folding tells what it does. */
export interface Told {
  note(text: string): void;
  refuse(message: string): never;
}

/** What stands between two layers. */
interface Gap {
  readonly affine: Affine;
  readonly width: number | null;
  readonly names: readonly string[];
}

/** A layer with what is to become part of it. */
interface Slot {
  readonly step: LayerStep;
  before: Gap | null;
  after: Gap | null;
}

/** Values that the weights of all diagonal layers may have: 1 MiB of f32. */
const MOST_DIAGONAL = 2 ** 18;
/** A shift of so many times the spread costs as many of f32's seven digits as it has zeros. */
const FAR = 1000;
/** Below this f32 has fewer digits. */
const SMALLEST_NORMAL = 2 ** -126;
const MOST_NAMES = 5;

/**
 * The layers alone. Each affine step goes into the linear layer or layer normalisation right before it, else into the
 * linear layer right behind it, else the same across dropout, which evaluation leaves out; where there is none, a
 * diagonal linear layer takes its place. Several in a row become one first. All in f64, rounded once.
 */
export function foldAffines(steps: readonly NetStep[], told: Told): readonly LayerStep[] {
  const slots: Slot[] = [];
  /** What stands before each layer, and behind the last. */
  const gaps: (Gap | null)[] = [null];
  for (const step of steps) {
    if (step.kind === "affine") gaps[slots.length] = join(gaps[slots.length]!, gapOf(step), told);
    else {
      slots.push({ step, before: null, after: null });
      gaps.push(null);
    }
  }
  const names: string[] = [];
  const put = (at: number, into: Slot | undefined, side: "before" | "after"): void => {
    const gap = gaps[at];
    const kind = into?.step.kind ?? "plain";
    if (!gap || !into || kind === "plain" || (kind === "layerNorm" && side === "before")) return;
    into[side] = side === "before" ? join(gap, into.before, told) : join(into.after, gap, told);
    gaps[at] = null;
    names.push(...gap.names);
  };
  for (let i = 1; i < gaps.length; i++) put(i, slots[i - 1], "after");
  for (let i = gaps.length - 1; i >= 0; i--) put(i, slots[passDropout(slots, i, 1)], "before");
  for (let i = 1; i < gaps.length; i++) put(i, slots[passDropout(slots, i - 1, -1)], "after");
  if (names.length > 0) told.note(`folded into the layers beside: ${listed(names)}`);

  let room = MOST_DIAGONAL;
  return gaps.flatMap((gap, i): readonly LayerStep[] => {
    const slot = slots[i];
    const layer = slot ? [applied(slot, told)] : [];
    if (!gap || isIdentity(gap.affine)) return layer;
    const [size, where] = [widthAt(slots, i, gap, told), listed(gap.names)];
    room -= size * size;
    if (room < 0) {
      told.refuse(
        `${where}: no linear layer stands beside it that its numbers could go into, and one of its own would need ${size} x ${size} weights`,
      );
    }
    told.note(`${where} has become a linear layer of ${size} x ${size}: none stands beside it to fold it into`);
    return [diagonal(gap.affine, size, where), ...layer];
  });
}

const gapOf = ({ affine, width, where }: AffineStep): Gap => ({ affine, width, names: [where] });

function join(first: Gap | null, second: Gap | null, told: Told): Gap | null {
  if (!first || !second) return first ?? second;
  const names = [...first.names, ...second.names];
  const [a, b] = [widthOf(first.affine), widthOf(second.affine)];
  if (a !== b && a !== 1 && b !== 1) told.refuse(`${listed(names)}: made for ${a} values and for ${b}`);
  return { affine: composed(first.affine, second.affine), width: first.width ?? second.width, names };
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).join(", ");
  return names.length > MOST_NAMES ? `${shown} and ${names.length - MOST_NAMES} more` : shown;
}

/** The first layer from `at` on, that way, that is no dropout. */
function passDropout(slots: readonly Slot[], at: number, by: 1 | -1): number {
  const isDropout = (step?: LayerStep): boolean => step?.kind === "plain" && step.layer.type === "dropout";
  let i = at;
  while (isDropout(slots[i]?.step)) i += by;
  return i;
}

/** How many values there are at a gap that no parameters stand beside. */
function widthAt(slots: readonly Slot[], gap: number, { affine, width, names }: Gap, told: Told): number {
  const own = widthOf(affine);
  const given = slots.slice(0, gap).findLast(({ step }) => step.kind !== "plain");
  const taken = slots.slice(gap).find(({ step }) => step.kind !== "plain");
  const beside = given ? sizeIn(given.step, "after") : taken ? sizeIn(taken.step, "before") : null;
  const size =
    beside ?? width ?? (own > 1 ? own : told.refuse(`${listed(names)}: how many values it has is not known`));
  if (own !== 1 && own !== size) told.refuse(`${listed(names)}: made for ${own} values, but there are ${size}`);
  return size;
}

function sizeIn(step: LayerStep, side: "before" | "after"): number {
  if (step.kind === "plain") return 1;
  return step.kind === "linear" ? step.w.shape[side === "before" ? 0 : 1]! : sizeOf(step.scale.shape);
}

function applied(slot: Slot, told: Told): LayerStep {
  const { step, before, after } = slot;
  if (step.kind === "plain" || (!before && !after)) return step;
  for (const [side, gap] of [
    ["before", before],
    ["after", after],
  ] as const) {
    const size = sizeIn(step, side);
    const own = gap ? widthOf(gap.affine) : 1;
    if (gap && own !== 1 && own !== size) {
      const does = side === "before" ? "takes" : "gives";
      told.refuse(`${listed(gap.names)}: made for ${own} values, but ${step.where} ${does} ${size}`);
    }
  }
  const where = `${step.where} with ${listed([...(before?.names ?? []), ...(after?.names ?? [])])}`;
  if (step.kind === "layerNorm") return { ...scaledNorm(step, after!.affine), where };
  if (before?.affine.shift.some((v) => Math.abs(v) > FAR)) {
    told.note(
      `${listed(before.names)}: values there lie more than ${FAR} times their spread from 0, which in f32 costs digits: outputs can be off in the fourth`,
    );
  }
  return { ...scaledLinear(step, before?.affine ?? IDENTITY, after?.affine ?? IDENTITY), where };
}

const IDENTITY: Affine = { scale: Float64Array.of(1), shift: Float64Array.of(0) };

function scaledNorm(step: LayerNorm, { scale, shift }: Affine): LayerNorm {
  const of = (values: NdArray, add: (i: number) => number): NdArray =>
    ndarray(
      values.shape,
      "f32",
      Float32Array.from(values.data, (v, i) => v * numberOf(scale, i) + add(i)),
    );
  return { ...step, scale: of(step.scale, () => 0), shift: of(step.shift, (i) => numberOf(shift, i)) };
}

/** ((x s + t) W + b) p + q: the weights s W p, and the bias (t W + b) p + q. */
export function scaledLinear(step: Linear, before: Affine, after: Affine): Linear {
  const [inputs, outputs] = step.w.shape as readonly [number, number];
  const w = zeros([inputs, outputs], "f32");
  const bias = Float64Array.from({ length: outputs }, (_, j) => {
    return (step.b?.data[j] ?? 0) * numberOf(after.scale, j) + numberOf(after.shift, j);
  });
  for (let i = 0; i < inputs; i++) {
    const [s, t] = [numberOf(before.scale, i), numberOf(before.shift, i)];
    for (let j = 0; j < outputs; j++) {
      const at = i * outputs + j;
      const exact = step.w.data[at]! * numberOf(after.scale, j);
      w.data[at] = exact * s;
      if (t === 0) continue;
      // From the weight as it was rounded: x W + b is then right where x is at its mean, however far that lies from 0.
      const rounded = w.data[at]!;
      bias[j]! += Math.abs(rounded) >= SMALLEST_NORMAL ? (t / s) * rounded : t * exact;
    }
  }
  const b = step.b || bias.some((v) => v !== 0) ? ndarray([outputs], "f32", bias) : null;
  return { ...step, w, b };
}

function diagonal({ scale, shift }: Affine, size: number, where: string): Linear {
  const w = zeros([size, size], "f32");
  for (let i = 0; i < size; i++) w.data[i * size + i] = numberOf(scale, i);
  const b = Float32Array.from({ length: size }, (_, i) => numberOf(shift, i));
  return { kind: "linear", w, b: ndarray([size], "f32", b), where };
}

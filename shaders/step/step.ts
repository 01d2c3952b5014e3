/** The numbers of a step: kernels and the form for whole steps are made of the same formulas, so they stand together. */

import { type Element, element, finiteTests, flatMain, read, storage, sumReducePair, write } from "../common.ts";
import { cosPi, wideExp2 } from "../math.ts";
import { paramBlock } from "../params.ts";
import { REDUCE_WORKGROUP } from "../reduce.ts";
import { wgsl } from "../wgsl.ts";

/** Places in `control`, the f32 numbers of a step: see src/optim/control.ts. */
export const CONTROL = { lr: 0, gate: 1, clip: 2, norm: 3, correction1: 4, correction2: 5, scale: 6, good: 7 } as const;
export const CONTROL_SIZE = 8;
/** Between these the scale of a loss that finds its own value stays. Beyond the largest, sums of squares would leave f32. */
export const LEAST_SCALE = 2 ** -24;
export const LARGEST_SCALE = 2 ** 24;

export const gradientStatsParams = paramBlock({ size: "u32", stride: "u32" });

/** The sum of squares with one more element, which is left out where it is not finite. */
export const withSquare = (sum: string, element: string): string =>
  `fma(finiteOrZero(${element}), finiteOrZero(${element}), ${sum})`;
/** 1 once an element was not finite. Without branches: written out many times, they take a compiler minutes. */
export const withMark = (mark: string, element: string): string => `select(${mark}, 1.0, isNotFinite(${element}))`;

/** Elements that a workgroup of gradientStats takes at a time: four an invocation. */
export const STATS_STRETCH = 4 * REDUCE_WORKGROUP;

const statsHead = (vector: boolean): string => wgsl`
${gradientStatsParams.wgsl}
${storage(read("g", vector ? "vec4<f32>" : "f32"), write("stats"))}
const INFINITE = vec4<u32>(0x7f800000u);
`;
/** Four elements at once; what is not finite is told by bits, as in finiteTests. */
const statsLoop = (vector: boolean): string => {
  const one = (d: number): string => `select(0.0, g[min(at + ${d}u, params.size - 1u)], at + ${d}u < params.size)`;
  return wgsl`
#if ${vector}
    let four = g[at / 4u];
#else
    let four = vec4<f32>(${[0, 1, 2, 3].map(one).join(", ")});
#endif
    let bits = bitcast<vec4<u32>>(four) & vec4<u32>(0x7fffffffu);
    largest = max(largest, bits);
    let finite = select(four, vec4<f32>(), bits >= INFINITE);
    sums = fma(finite, finite, sums);
`;
};

/** stats [groups, 2]: partial sums of squares, and of elements that are not finite. `vector`: size is a multiple of 4. */
export function gradientStats(vector: boolean): string {
  return wgsl`
${statsHead(vector)}
${sumReducePair(REDUCE_WORKGROUP)}
@compute @workgroup_size(${REDUCE_WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  var sums = vec4<f32>();
  var largest = vec4<u32>();
  for (var at = (group.x * ${REDUCE_WORKGROUP}u + local) * 4u; at < params.size; at += params.stride) {
${statsLoop(vector)}
  }
  let mark = select(0.0, 1.0, any(largest >= INFINITE));
  let both = reduceSum(vec2<f32>(sums.x + sums.y + sums.z + sums.w, mark), local);
  if (local == 0u) { stats[group.x * 2u] = both.x; stats[group.x * 2u + 1u] = min(both.y, 1.0); }
}
`;
}

/** The same sums with one invocation a group, which needs no barrier. */
export function gradientStatsAlone(vector: boolean): string {
  return wgsl`
${statsHead(vector)}
@compute @workgroup_size(${REDUCE_WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let group = id.x;
  if (group * ${STATS_STRETCH}u >= params.stride) { return; }
  var sums = vec4<f32>();
  var largest = vec4<u32>();
  for (var first = group * ${STATS_STRETCH}u; first < params.size; first += params.stride) {
    for (var at = first; at < min(first + ${STATS_STRETCH}u, params.size); at += 4u) {
${statsLoop(vector)}
    }
  }
  stats[group * 2u] = sums.x + sums.y + sums.z + sums.w;
  stats[group * 2u + 1u] = select(0.0, 1.0, any(largest >= INFINITE));
}
`;
}

export type ScheduleKind = "constant" | "step" | "cosine" | "exponential";

/** WGSL functions that a schedule calls. */
export const scheduleIncludes = (schedule: ScheduleKind): string =>
  schedule === "cosine" ? cosPi : schedule === "exponential" ? wideExp2 : "";

const controlFields = {
  count: "u32",
  warmup: "u32",
  period: "u32",
  lr: "f32",
  // With an exponential schedule the logarithm of the last rate over the first, to base 2.
  gamma: "f32",
  floor: "f32",
  maxNorm: "f32",
  beta1: "f32",
  beta2: "f32",
  oneMinusBeta1: "f32",
  oneMinusBeta2: "f32",
} as const;
const recordFields = { slots: "u32", batch: "u32", n: "u32" } as const;
export const controlParams = paramBlock(controlFields);
export const controlRecordParams = paramBlock({ ...controlFields, ...recordFields });
export const recordParams = paramBlock({ size: "u32", ...recordFields });

/** The arrays of a step's numbers. */
export interface StepArrays {
  readonly control: Element;
  readonly cursor: Element;
  readonly loss: Element;
  readonly ring: Element;
}
export const stepArrays: StepArrays = {
  control: element("control"),
  cursor: element("cursor"),
  loss: element("loss"),
  ring: element("ring"),
};

/** Texts before and after a step's numbers; the first declares `unscale`, by which gradients are to be multiplied. */
export interface Scaling {
  readonly before: string;
  readonly after: string;
}

/** What the seal multiplies by, odd; the bits of infinity. src/ops/step/record.ts and wasm/step.ts compute the same. */
export const SEAL_FACTOR = 0x9e3779b1;
export const INFINITE_BITS = 0x7f800000;

/**
 * The sign and power of two that a slot of the ring ends with, and in its fraction a seal of the step's number and the
 * three numbers before it: a slot that was not written by this very step, or not whole, does not fit its own. What is not
 * finite, or so small that a device may take it for zero, counts as no more than that.
 */
export const sealed: string = wgsl`
fn sealed(mark: f32, step: u32, numbers: vec3<f32>) -> f32 {
  let bits = bitcast<vec3<u32>>(numbers);
  let exponent = bits & vec3<u32>(${INFINITE_BITS}u);
  let w = select(bits, exponent, (exponent == vec3<u32>()) | (exponent == vec3<u32>(${INFINITE_BITS}u)));
  let one = ((step + 1u) * ${SEAL_FACTOR}u) ^ w.x;
  let two = (one * ${SEAL_FACTOR}u) ^ w.y;
  let three = (two * ${SEAL_FACTOR}u) ^ w.z;
  return bitcast<f32>(bitcast<u32>(mark) | ((three * ${SEAL_FACTOR}u) >> 9u));
}
`;

/** Moves the cursor to the next batch. */
export const advance = ({ cursor }: Pick<StepArrays, "cursor">): string => wgsl`
  let next = ${cursor(2)} + params.batch;
  ${cursor(0)} += 1u;
  ${cursor(1)} += next / params.n;
  ${cursor(2)} = next % params.n;
`;

/** Writes (loss, norm, lr, sealed gate) to the ring at slot step mod slots, and moves the cursor to the next batch. */
export function recordStep({ control, cursor, loss, ring }: StepArrays): string {
  return wgsl`
  let at = (${cursor(0)} % params.slots) * 4u;
  let numbers = vec3<f32>(${loss(0)}, ${control(CONTROL.norm)}, ${control(CONTROL.lr)});
  ${ring("at")} = numbers.x;
  ${ring("at + 1u")} = numbers.y;
  ${ring("at + 2u")} = numbers.z;
  ${ring("at + 3u")} = sealed(select(-1.0, 1.0, ${control(CONTROL.gate)} != 0.0), ${cursor(0)}, numbers);
${advance({ cursor })}
  ${cursor(3)} += select(0u, 1u, ${control(CONTROL.gate)} == 0.0);
`;
}

/** The numbers that the update needs, from the sums `squares` and `broken` of the gradient's statistics. */
export function controlStep(schedule: ScheduleKind, clips: boolean, arrays: Omit<StepArrays, "ring">): string {
  const { control, cursor, loss } = arrays;
  return wgsl`
  let step = ${cursor(0)};
  let t = max(step, params.warmup) - params.warmup;
  var rate = params.lr;
#if ${schedule === "step"}
  var power = params.gamma;
  for (var n = t / params.period; n > 0u; n >>= 1u) {
    rate *= select(1.0, power, (n & 1u) == 1u);
    power *= power;
  }
#elif ${schedule === "cosine"}
  let along = f32(min(t, params.period)) / f32(params.period);
  rate = params.floor + (params.lr - params.floor) * 0.5 * (1.0 + cosPi(along));
#elif ${schedule === "exponential"}
  rate *= wideExp2(params.gamma * (f32(min(t, params.period)) / f32(params.period)));
#endif
  rate = select(rate, params.lr * f32(step + 1u) / f32(max(params.warmup, 1u)), step < params.warmup);
  let fine = broken == 0.0 && !isNotFinite(${loss(0)});
  let norm = sqrt(squares);
  ${control(CONTROL.lr)} = rate;
  ${control(CONTROL.gate)} = select(0.0, 1.0, fine);
#if ${clips}
  ${control(CONTROL.clip)} = min(1.0, params.maxNorm / (norm + 1e-6));
#else
  ${control(CONTROL.clip)} = 1.0;
#endif
  ${control(CONTROL.norm)} = norm;
  let was1 = ${control(CONTROL.correction1)};
  let was2 = ${control(CONTROL.correction2)};
  ${control(CONTROL.correction1)} = select(was1, was1 * params.beta1 + params.oneMinusBeta1, fine);
  ${control(CONTROL.correction2)} = select(was2, was2 * params.beta2 + params.oneMinusBeta2, fine);
`;
}

/**
 * One workgroup makes the numbers that the update needs: learning rate of this step, whether it may happen, the
 * factor that clips the gradient, and Adam's bias corrections by their recurrence (pow was seen off by 6e-3).
 * With `records` it records the step too. `scaling` is for gradients that are a scale times too large (shaders/half/loss-scale.ts).
 */
export function control(schedule: ScheduleKind, clips: boolean, records: boolean, scaling?: Scaling): string {
  return wgsl`
${records ? controlRecordParams.wgsl : controlParams.wgsl}
${storage(
  write("control"),
  records ? write("cursor", "u32") : read("cursor", "u32"),
  read("loss"),
  read("stats"),
  ...(records ? [write("ring")] : []),
)}
${finiteTests}
${records ? sealed : ""}
${sumReducePair(REDUCE_WORKGROUP)}
${scheduleIncludes(schedule)}
@compute @workgroup_size(${REDUCE_WORKGROUP})
fn main(@builtin(local_invocation_index) local: u32) {
  var sum = 0.0;
  var bad = 0.0;
  for (var i = local; i < params.count; i += ${REDUCE_WORKGROUP}u) {
    sum += stats[i * 2u];
    bad += stats[i * 2u + 1u];
  }
${scaling?.before ?? ""}
  let both = reduceSum(vec2<f32>(sum, bad), local);
  let squares = both.x${scaling ? " * unscale * unscale" : ""};
  let broken = both.y;
  if (local != 0u) { return; }
${controlStep(schedule, clips, stepArrays)}
#if ${records}
${recordStep(stepArrays)}
#endif
${scaling?.after ?? ""}
}
`;
}

/** The recording of a step by itself. */
export function record(): string {
  return wgsl`
${recordParams.wgsl}
${storage(write("cursor", "u32"), write("ring"), read("loss"), read("control"))}
${sealed}
${flatMain(recordStep(stepArrays))}
`;
}

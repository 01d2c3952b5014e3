import { type NdArray, zeros } from "../../core/ndarray.ts";
import { windowCount } from "../../core/window-count.ts";
import type { PerDimension } from "../../nn/layers/dimensions.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import type { Value, WiredNet } from "./wired-net.ts";

/** How windows lie over places: a number for each dimension. */
export interface Windows {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Places added before and behind; a transposed convolution takes as many away. */
  readonly pads: readonly (readonly [before: number, behind: number])[];
}

const NONE = [0, 0] as const;

/** Places that a window covers, gaps included. */
export const spansOf = ({ kernel, dilation }: Windows): readonly number[] =>
  kernel.map((k, d) => dilation[d]! * (k - 1) + 1);

/** Padding such that there are size / stride windows, rounded up; an odd place goes behind, or before. */
export function samePads(size: number, span: number, stride: number, before = false): readonly [number, number] {
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + span - size, 0);
  const less = Math.floor(total / 2);
  return before ? [total - less, less] : [less, total - less];
}

/** One number where all dimensions have the same. */
const perDimension = (values: readonly number[]): PerDimension =>
  values.every((v) => v === values[0]) ? values[0]! : values;

const isEven = ({ pads }: Windows): boolean => pads.every(([before, behind]) => before === behind);

/** A value with zeros around it. */
export function padded(net: WiredNet, x: Value, pads: Windows["pads"], where: string): Value {
  if (pads.every(([before, behind]) => before === 0 && behind === 0)) return x;
  return net.add({ type: "pad", amounts: pads, mode: "zeros" }, [x], where);
}

/** A convolution by weight [out, in / groups, ...kernel]; padding that differs before and behind is a layer before it. */
export function addConv(
  net: WiredNet,
  x: Value,
  windows: Windows,
  groups: number,
  weight: NdArray,
  bias: NdArray | null,
  where: string,
): Value {
  const even = isEven(windows);
  const given = even ? x : padded(net, x, windows.pads, where);
  const layer = {
    type: windows.kernel.length === 1 ? "conv1d" : "conv2d",
    in: weight.shape[1]! * groups,
    out: weight.shape[0]!,
    ...common(windows),
    padding: even ? perDimension(windows.pads.map(([before]) => before)) : 0,
    groups,
    bias: bias !== null,
  } as LayerSpec;
  return net.add(layer, [given], where, { weight, ...(bias ? { bias } : {}) });
}

const common = ({ kernel, stride, dilation }: Windows) => ({
  kernel: perDimension(kernel),
  stride: perDimension(stride),
  dilation: perDimension(dilation),
});

/**
 * A transposed convolution by weight [in, out / groups, ...kernel], whose pads are taken off before and behind; places
 * that `added` counts are put behind. Where more is taken off behind than before, the kernel begins with zeros.
 */
export function addConvTranspose(
  net: WiredNet,
  x: Value,
  windows: Windows,
  added: readonly number[],
  groups: number,
  weight: NdArray,
  bias: NdArray | null,
  where: string,
): Value {
  const off = windows.pads.map(([before, behind], d) => [before, behind - added[d]!] as const);
  const lead = off.map(([before, behind], d) => Math.max(0, Math.ceil((behind - before) / windows.dilation[d]!)));
  const wider = lead.some((n) => n > 0);
  const kernel = windows.kernel.map((k, d) => k + lead[d]!);
  if (wider) {
    net.note(`${where}: its kernel begins with zeros here, since more places are taken off behind than before`);
  }
  const padding = off.map(([before], d) => before + lead[d]! * windows.dilation[d]!);
  const layer = {
    type: kernel.length === 1 ? "convTranspose1d" : "convTranspose2d",
    in: weight.shape[0]!,
    out: weight.shape[1]! * groups,
    ...common({ ...windows, kernel }),
    padding: perDimension(padding),
    outputPadding: perDimension(off.map(([, behind], d) => padding[d]! - behind)),
    groups,
    bias: bias !== null,
  } as LayerSpec;
  const whole = wider ? behindZeros(net, weight, lead, where) : weight;
  return net.add(layer, [x], where, { weight: whole, ...(bias ? { bias } : {}) });
}

/** A kernel with so many zeros before it along each dimension. */
function behindZeros(net: WiredNet, weight: NdArray, lead: readonly number[], where: string): NdArray {
  const [first, second, ...kernel] = weight.shape as readonly [number, number, ...number[]];
  const wide = kernel.map((k, d) => k + lead[d]!);
  const [height, width] = [kernel.length === 2 ? kernel[0]! : 1, kernel.at(-1)!];
  const [high, broad] = [wide.length === 2 ? wide[0]! : 1, wide.at(-1)!];
  const [top, left] = [high - height, broad - width];
  net.claim(first * second * high * broad, where);
  const out = zeros([first, second, ...wide], "f32");
  for (let pair = 0; pair < first * second; pair++) {
    for (let row = 0; row < height; row++) {
      const from = (pair * height + row) * width;
      out.data.set(weight.data.subarray(from, from + width), (pair * high + top + row) * broad + left);
    }
  }
  return out;
}

export interface Pool {
  readonly kind: "max" | "avg";
  readonly ceil: boolean;
  /** Of means: whether padding counts as values. */
  readonly countPadding: boolean;
}

/** A pool. Padding that differs before and behind becomes windows that stick out at the end, or a layer before it. */
export function addPool(net: WiredNet, x: Value, windows: Windows, pool: Pool, where: string): Value {
  const sizes = net.shapeOf(x).slice(1);
  const dims = windows.kernel.length;
  if (sizes.length !== dims || (dims !== 1 && dims !== 2)) {
    net.refuse(`${where} pools ${dims} dimensions of places, one or two here, and is given ${sizes.length}`);
  }
  const type = `${pool.kind}Pool${dims}d`;
  const rest = pool.kind === "max" ? { dilation: perDimension(windows.dilation) } : {};
  const layer = (padding: readonly number[], ceil: boolean, countPadding: boolean): LayerSpec =>
    ({
      type,
      kernel: perDimension(windows.kernel),
      stride: perDimension(windows.stride),
      padding: perDimension(padding),
      ceil,
      ...rest,
      ...(pool.kind === "avg" ? { countPadding } : {}),
    }) as LayerSpec;
  const before = windows.pads.map(([b]) => b);
  if (isEven(windows)) return net.add(layer(before, pool.ceil, pool.countPadding), [x], where);
  const bare = before.map(() => 0);
  const zerosCount = pool.kind === "avg" ? pool.countPadding : isPositive(net, x);
  const spans = spansOf(windows);
  const counts = (pads: Windows["pads"], ceil: boolean): string =>
    sizes.map((size, d) => windowCount(size, spans[d]!, windows.stride[d]!, pads[d]!, ceil)).join();
  const wanted = counts(windows.pads, pool.ceil);
  const even = before.map((b) => [b, b] as const);
  // Places that do not count may as well not be there: what matters is where the first window begins, and how many are.
  const fits = before.every((b, d) => 2 * b <= windows.kernel[d]!);
  const ceil =
    fits && !(pool.kind === "avg" && pool.countPadding)
      ? [false, true].find((c) => counts(even, c) === wanted)
      : undefined;
  if (ceil !== undefined) return net.add(layer(before, ceil, false), [x], where);
  // No window reaches behind the padding that would be there if both sides were padded alike.
  const within = fits && windows.pads.every(([b, a]) => a <= b) && counts(even, true) === wanted;
  if (within) return net.add(layer(before, true, pool.countPadding), [x], where);
  if (zerosCount) return net.add(layer(bare, pool.ceil, true), [padded(net, x, windows.pads, where)], where);
  return net.refuse(
    `${where}: pads ${windows.pads.map((pad) => `[${pad.join(", ")}]`).join(", ")} before and behind; a pool here pads both sides alike. Put a relu before it, or pad by a layer of its own`,
  );
}

const POSITIVE: readonly string[] = ["relu", "relu6", "sigmoid", "softmax", "softplus", "hardSigmoid"];

/** Whether no value can be below 0, so that zeros around them change no maximum. */
function isPositive(net: WiredNet, x: Value): boolean {
  let made = net.layerAt(x);
  while (made && /^(max|avg|adaptiveAvg)Pool/.test(made.layer.type)) made = net.layerAt(made.from[0]!);
  return made !== null && POSITIVE.includes(made.layer.type);
}

/** The mean, or the largest, of all places of each channel: [channels, 1, ...]. */
export function addGlobalPool(net: WiredNet, x: Value, kind: Pool["kind"], where: string): Value {
  const places = net.shapeOf(x).slice(1);
  if (places.length !== 1 && places.length !== 2) {
    net.refuse(`${where} pools ${places.length} dimensions of places; here one or two`);
  }
  if (kind === "avg") return net.add({ type: `adaptiveAvgPool${places.length as 1 | 2}d`, out: 1 }, [x], where);
  const ones = places.map(() => 1);
  const windows = { kernel: places, stride: ones, dilation: ones, pads: places.map(() => NONE) };
  return addPool(net, x, windows, { kind, ceil: false, countPadding: true }, where);
}

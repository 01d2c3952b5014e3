import { shapeText, sizeOf } from "../../core/ndarray.ts";
import { addConv, addConvTranspose, addGlobalPool, addPool } from "../net/windows.ts";
import { brief } from "../safetensors/header.ts";
import { axesOf } from "./arithmetic.ts";
import { numbersOf, scalarOf } from "./constants.ts";
import { axisOf, dimsText } from "./dims.ts";
import { padsOf } from "./infer-windows.ts";
import { constantAt, number } from "./place.ts";
import { refuse } from "./protobuf.ts";
import { resizeMode, resizeScales } from "./resize.ts";
import { transposedWindowsOf, windowsOf } from "./windows.ts";
import { arrayAt, data, type WiredReader } from "./wired-place.ts";

const conv: WiredReader = (node, place) => {
  const [, ...places] = data(node, place);
  const { where } = node;
  const weight = arrayAt(node, 1, place) ?? refuse(`${where}: it has no weight`);
  const dims = weight.shape.length - 2;
  if (dims !== places.length || (dims !== 1 && dims !== 2)) {
    refuse(
      `${where}: a weight of ${shapeText(weight.shape)} over ${places.length} dimensions of places; here one or two`,
    );
  }
  const bias = arrayAt(node, 2, place);
  const groups = number(node, "group", 1);
  if (node.op === "Conv") {
    const windows = windowsOf(node, places, weight.shape.slice(2));
    if (typeof windows === "string") return refuse(`${where}: ${windows}`);
    return addConv(place.net, place.x, windows, groups, weight, bias, where);
  }
  const found = transposedWindowsOf(node, places, weight.shape.slice(2));
  if (typeof found === "string") return refuse(`${where}: ${found}`);
  return addConvTranspose(place.net, place.x, found.windows, found.added, groups, weight, bias, where);
};

const pool: WiredReader = (node, place) => {
  const [, ...places] = data(node, place);
  const { where } = node;
  if (node.outputs.length > 1 && node.outputs[1] !== "") refuse(`${where}: it also gives places; export it without`);
  if (number(node, "storage_order", 0) !== 0) refuse(`${where}: storage_order 1, columns first, which no layer has`);
  const windows = windowsOf(node, places);
  if (typeof windows === "string") return refuse(`${where}: ${windows}`);
  const kind = node.op === "MaxPool" ? "max" : "avg";
  if (kind === "avg" && windows.dilation.some((d) => d !== 1))
    refuse(`${where}: an average with dilations, which no layer has`);
  const ceil = number(node, "ceil_mode", 0) !== 0;
  const bare = windows.pads.flat().every((p) => p === 0);
  const countPadding = bare || number(node, "count_include_pad", 0) !== 0;
  return addPool(place.net, place.x, windows, { kind, ceil, countPadding }, where);
};

/** The mean, sum or largest over all places, of channels that stand first or last; other axes are no layer. */
const reduce: WiredReader = (node, place) => {
  const { net, x } = place;
  const shape = data(node, place);
  if (node.op === "ReduceSum") {
    const mean = reduce({ ...node, op: "ReduceMean" }, place);
    const count = sizeOf(shape) / sizeOf(net.shapeOf(mean));
    return net.affine(mean, { scale: Float64Array.of(count), shift: Float64Array.of(0) }, 0, node.where);
  }
  const { where } = node;
  const rank = shape.length + 1;
  const axes = axesOf(node, { numbers: (name) => numbersOf(place.constants.get(name ?? "")) })?.map((axis) =>
    axisOf(axis, rank),
  );
  const held = [...new Set(axes ?? [])].sort((a, b) => Number(a) - Number(b)).join();
  const first = Array.from({ length: rank - 2 }, (_, i) => i + 2).join();
  const last = Array.from({ length: rank - 2 }, (_, i) => i + 1).join();
  if (rank < 3 || (held !== first && held !== last)) {
    refuse(
      `${where}: over the axes ${axes?.join(", ") ?? "of all values"} of ${dimsText(["batch", ...shape])}; here over all places of each channel`,
    );
  }
  const kind = node.op === "ReduceMax" ? "max" : "avg";
  if (kind === "avg" && rank === 3 && held === last) {
    const mean = net.add({ type: "meanSteps" }, [x], where);
    return number(node, "keepdims", 1) === 0 ? mean : net.reshape(mean, [1, shape[1]!], where);
  }
  const front =
    held === first ? x : net.permute(x, [rank - 2, ...Array.from({ length: rank - 2 }, (_, i) => i)], where);
  const pooled = addGlobalPool(net, front, kind, where);
  const channels = net.shapeOf(pooled)[0]!;
  if (number(node, "keepdims", 1) === 0) return net.reshape(pooled, [channels], where);
  return held === first ? pooled : net.reshape(pooled, [...shape.slice(1).map(() => 1), channels], where);
};

/** Of f32: numbers below it are 0 on many devices. */
const SMALLEST_NORMAL = 2 ** -126;

const pad: WiredReader = (node, place) => {
  const shape = data(node, place);
  const { net, x, constants } = place;
  const rank = shape.length + 1;
  const mode = node.attributes.get("mode") ?? "constant";
  if (mode !== "constant" && mode !== "reflect") {
    refuse(`${node.where}: the mode ${brief(mode)}; here constant zeros, or reflect`);
  }
  const value = constantAt(node, 2, place);
  const fill = value ? scalarOf(value) : number(node, "value", 0);
  // Chainrule itself writes the smallest number for 0 before a MaxPool.
  if (mode === "constant" && !(fill !== null && Math.abs(fill) < SMALLEST_NORMAL))
    refuse(`${node.where}: fills with ${fill}; here with zeros`);
  const pads = padsOf(node, rank, { numbers: (name) => numbersOf(constants.get(name ?? "")) });
  if (!pads) return refuse(`${node.where}: how much it pads is not known, or does not fit ${rank} axes`);
  if (mode === "reflect" && pads.some((p) => p < 0)) {
    refuse(`${node.where}: mirrors by [${pads.join(", ")}]; places are taken away where zeros come`);
  }
  const beside = [0, 1, rank, rank + 1].some((i) => pads[i] !== 0);
  if (rank < 3 || beside) refuse(`${node.where}: pads the batch or the channels; here places alone`);
  const amounts = shape.slice(1).map((_, d) => [pads[d + 2]!, pads[rank + d + 2]!] as const);
  if (amounts.flat().every((p) => p === 0)) return x;
  return net.add({ type: "pad", amounts, mode: mode === "reflect" ? "reflect" : "zeros" }, [x], node.where);
};

const resize: WiredReader = (node, place) => {
  const shape = data(node, place);
  const { net, x, constants } = place;
  const of = ["batch", ...shape] as const;
  const scales = resizeScales(node, of, {
    constant: (name) => constants.get(name ?? ""),
    numbers: (name) => numbersOf(constants.get(name ?? "")),
  });
  // Sizes that the file computes from shapes have come to what inference found.
  const found =
    scales ??
    (place.next?.length === of.length ? of.map((d, i) => (i === 0 ? 1 : Number(place.next![i]) / Number(d))) : null);
  if (!found) return refuse(`${node.where}: how much it grows is not known`);
  const [batch, channels, ...places] = found as readonly [number, number, ...number[]];
  if (batch !== 1 || channels !== 1 || places.some((s) => !Number.isInteger(s) || s < 1)) {
    refuse(`${node.where}: grows by [${found.join(", ")}]; here places alone grow, by whole numbers`);
  }
  const way = resizeMode(node, shape.slice(1), places);
  if (typeof way === "string")
    return refuse(`${node.where}: ${way}; here nearest, and bilinear of half_pixel (align_corners False)`);
  const scale = places.every((s) => s === places[0]) ? places[0]! : places;
  return scale === 1 ? x : net.add({ type: "upsample", scale, mode: way.mode }, [x], node.where);
};

const global =
  (kind: "avg" | "max"): WiredReader =>
  (node, place) => {
    data(node, place);
    return addGlobalPool(place.net, place.x, kind, node.where);
  };

/** Ops that go over places in windows, or make more or fewer of them. */
export const windowReaders: Readonly<Record<string, WiredReader>> = {
  Conv: conv,
  ConvTranspose: conv,
  MaxPool: pool,
  AveragePool: pool,
  GlobalAveragePool: global("avg"),
  GlobalMaxPool: global("max"),
  ReduceMean: reduce,
  ReduceMax: reduce,
  ReduceSum: reduce,
  Pad: pad,
  Resize: resize,
  Upsample: resize,
};

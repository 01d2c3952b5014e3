import type { Executor } from "../../backend/executor.ts";
import { type NdArray, ndarray, rows, sizeOf, zeros } from "../../core/ndarray.ts";
import { Graph, type Tensor } from "../../graph/graph.ts";
import { forward } from "../../nn/forward.ts";
import { calledName, layerName, type ModelSpec } from "../../nn/model-spec.ts";
import { type ModelTensors, modelTensors, weightWrites } from "../../nn/parameters.ts";
import { shapesOf } from "../../nn/shapes.ts";
import { requireResident } from "../../train/data/row-source.ts";
import { probabilities } from "../../train/evaluation/probabilities.ts";
import { openCpu } from "./devices.ts";
import { current, parametersNow, type Session } from "./session.ts";

/** Pictures of one layer that are worth sending. */
const MOST_TILES = 64;

/** Which image: a row of the data (of the test rows, where there are some), or pixels of the user's. */
export interface Asked {
  readonly image: number | Float32Array;
  /** Layers whose maps are wanted, by place in the model. */
  readonly layers: readonly number[];
}

/** Pictures of one size, one after the other: filters, or what a layer makes of the image. */
export interface Tiles {
  /** "0.conv2d". */
  readonly name: string;
  /** How many there are; those that are here may be fewer. */
  readonly all: number;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** [count, height, width] */
  readonly values: Float32Array;
}

/** What the net makes of one image. */
export interface Inside {
  readonly step: number;
  readonly on: "train" | "test" | null;
  readonly rows: number;
  /** [channels, height, width] */
  readonly pixels: Float32Array;
  readonly label: number | null;
  /** Probability of each class; empty where targets are values. */
  readonly chances: Float32Array;
  /** The first convolution's. */
  readonly filters: Tiles | null;
  readonly maps: readonly Tiles[];
}

/** The net made ready for one row, with every value kept. */
interface Opened {
  readonly session: Session;
  readonly executor: Executor;
  readonly tensors: ModelTensors;
  readonly x: Tensor;
  /** What each layer gives, then the outputs. */
  readonly values: readonly (Tensor | undefined)[];
  readonly outputs: Tensor;
}

let opened: Promise<Opened> | null = null;
let openedFor: Session | null = null;

/** On the CPU, whatever trains: one row is little, and nothing has to be compiled. */
async function open(session: Session, weights: ReadonlyMap<string, NdArray>): Promise<Opened> {
  const cpu = await openCpu();
  const { model } = session.trainer.options;
  const g = new Graph();
  const { input, tokens } = shapesOf(model);
  const x = g.variable("x", zeros([1, sizeOf(input)], tokens ? "i32" : "f32"));
  const tensors = modelTensors(g, model, weights, cpu.limits.maxBufferSize);
  const outputs = await forward(g, model, x, tensors, { training: false, seed: 0, cursor: null });
  const named = new Map(g.nodes.flatMap((node) => node.outputs.map((t) => [t.name, t] as const)));
  const values = model.layers.map((layer, i) => named.get(`${calledName(layer, i)}.${layerName(layer)}`));
  const executor = await cpu.compile(g, { keepAll: true });
  return { session, executor, tensors, x, values, outputs };
}

async function openedNow(weights: ReadonlyMap<string, NdArray>): Promise<Opened> {
  const session = current();
  if (openedFor !== session) {
    const before = opened;
    openedFor = session;
    opened = open(session, weights);
    before?.then((o) => o.executor.dispose()).catch(() => undefined);
  }
  return opened!;
}

/** Looks into the net as it is now. */
export async function inside({ image, layers }: Asked): Promise<Inside> {
  const weights = await parametersNow();
  const { session, executor, tensors, x, values, outputs } = await openedNow(weights);
  const { trainer, split } = session;
  const { model, data, test } = trainer.options;
  const on = test ? "test" : "train";
  const from = requireResident(test ?? data);
  const count = from.x.shape[0]!;
  const at = typeof image === "number" ? Math.max(0, Math.min(count - 1, image)) : null;
  const row =
    at === null ? ndarray([1, (image as Float32Array).length], "f32", image as Float32Array) : rows(from.x, at, at + 1);
  for (const [t, value] of weightWrites(tensors, weights)) executor.write(t, value);
  executor.write(x, row);
  // Channels with places; the page may ask for another net's layers while that one is being made.
  const shown = layers.flatMap((i) => (values[i] && values[i].shape.length > 2 ? [[i, values[i]] as const] : []));
  const [said, ...maps] = await executor.run(1, [outputs, ...shown.map(([, t]) => t)]);
  const y = split[on]!.y;
  const classes = y.dtype === "i32";
  return {
    step: trainer.stepsTaken,
    on: at === null ? null : on,
    rows: count,
    pixels: Float32Array.from(row.data),
    label: at !== null && classes ? y.data[at]! : null,
    chances: classes ? probabilities(said!, 0) : new Float32Array(),
    filters: filtersOf(model, weights),
    maps: maps.map((value, k) => mapsOf(model, shown[k]![0], value)),
  };
}

/** Channels of a value [1, channels, ...places]; where places are one row, all channels are one picture. */
function mapsOf(model: ModelSpec, i: number, value: NdArray): Tiles {
  const name = `${calledName(model.layers[i]!, i)}.${layerName(model.layers[i]!)}`;
  const [, channels, height, width] = value.shape as readonly [number, number, number, number | undefined];
  return width === undefined ? tiles(name, value, 1, channels, height) : tiles(name, value, channels, height, width);
}

/** The first convolution's kernels, one for each channel in and out. */
function filtersOf(model: ModelSpec, weights: ReadonlyMap<string, NdArray>): Tiles | null {
  const i = model.layers.findIndex((l) => l.type.startsWith("conv"));
  if (i < 0) return null;
  const called = calledName(model.layers[i]!, i);
  const w = weights.get(`${called}.weight`);
  if (!w) return null;
  const [a, b, ...kernel] = w.shape as readonly [number, number, ...number[]];
  const [height, width] = kernel.length === 1 ? [1, kernel[0]!] : (kernel as unknown as readonly [number, number]);
  return tiles(`${called}.${layerName(model.layers[i]!)}`, w, a * b, height, width);
}

function tiles(name: string, { data }: NdArray, all: number, height: number, width: number): Tiles {
  const count = Math.min(all, MOST_TILES);
  return { name, all, count, height, width, values: Float32Array.from(data.subarray(0, count * height * width)) };
}

import type { Backend } from "../../backend/executor.ts";
import { ChainruleError } from "../../core/errors.ts";
import { cast, type NdArray, ndarray, sizeOf } from "../../core/ndarray.ts";
import type { Tensor } from "../../graph/graph.ts";
import { usesLengths } from "../../nn/lengths.ts";
import { calledName, layerName, type ModelSpec } from "../../nn/model-spec.ts";
import { parameterSpecs, statisticsSpecs } from "../../nn/parameter-specs.ts";
import { unpackParameters } from "../../nn/parameters.ts";
import { shapesOf } from "../../nn/shapes.ts";
import { dropout } from "../../ops/elementwise/dropout.ts";
import { batchIndex, gather } from "../../ops/step/batch.ts";
import { CONTROL } from "../../ops/step/control.ts";
import { startCursor } from "../../ops/step/record.ts";
import { tokenWindows } from "../../ops/text/token-windows.ts";
import type { Rows } from "../../train/data/row-source.ts";
import { requireResident } from "../../train/data/row-source.ts";
import { type ResolvedOptions, resolveOptions, type TrainerOptions } from "../../train/run/options.ts";
import { type TrainingGraph, trainingGraph } from "../../train/run/training-graph.ts";
import { requireKnown } from "../known-options.ts";
import { adapterMasks } from "./adapters.ts";
import { numpyLayer, parameterName } from "./layers.ts";
import { neededLayers, valueName } from "./place.ts";
import { receiptScript } from "./script.ts";

/** One step with all its numbers, for others to compute again. */
export interface Receipt {
  /**
   * By name, in the order in which they come about: x, y, rows (of the data set), W0, b0 (W is [in, out]); a0, a1, ...
   * behind each layer (z0 before the bias is added); loss; da1, da0, ..., the derivative of the loss by each; dW0, db0;
   * lr, norm (of the whole gradient); W0_new, b0_new. Layer normalisation has gamma1, beta1, mean1, rstd1; dropout mask1;
   * batch norm kept1 and running1, its statistics before and behind the step; prelu slope1. A low-rank adapter
   * has A1 and B1 (A1_q_proj and so on in attention), and maskA1 where it drops; rows that end early have lengths.
   */
  readonly arrays: ReadonlyMap<string, NdArray>;
  /** receipt.py, which computes the step again in numpy and compares. */
  readonly script: string;
}

/**
 * The first step that a trainer with these options takes, computed by the backend's own kernels, one for each node of
 * the graph: nothing is fused, so every value is there. Throws "not-finite" for a step that the trainer would skip.
 */
export async function makeReceipt(backend: Backend, given: TrainerOptions): Promise<Receipt> {
  const options = await resolveOptions(given, backend);
  requireKnown(options, "receipt", ["accumulate", "augment"]);
  const { model, clip, optimizer, schedule } = options;
  for (const layer of model.layers) numpyLayer(layer);
  const { x, y, lengths, rows } = firstBatch(options);
  const count = rows.data.length;
  const plan = await trainingGraph({
    ...{ ...options, x, y, rows: count, batch: "full", streams: false },
    ...(lengths && { lengths }),
  });
  const wanted = stepTensors(model, plan);
  const executor = await backend.compile(plan.graph, { keepAll: true });
  try {
    const names = [...wanted.keys()];
    const flats = [...plan.groups.map((group) => group.flat), ...plan.flatGradients];
    const values = await executor.run(1, [...wanted.values(), plan.control, ...flats]);
    const control = values[names.length]!;
    if (control.data[CONTROL.gate] === 0) {
      throw new ChainruleError(
        "not-finite",
        "the loss or a gradient of this step is not finite, so there is no update",
      );
    }
    const [after, gradients] = [0, 1].map((k) =>
      unpackParameters(
        plan.groups,
        plan.groups.map((_, i) => values[names.length + 1 + k * plan.groups.length + i]!),
      ),
    );
    const parameters = (values: ReadonlyMap<string, NdArray>, before: string, behind: string): [string, NdArray][] =>
      // Frozen ones have neither gradient nor update.
      parameterSpecs(model)
        .filter((spec) => values.has(spec.name))
        .map((spec) => [before + parameterName(model, spec) + behind, values.get(spec.name)!]);
    const number = (value: number): NdArray => ({ ...ndarray([1], control.dtype, [value]), shape: [] });
    // What went in as the backend took it: a device has f32 of an f64 value.
    const precision = control.dtype === "f64" ? "f64" : "f32";
    const taken = (a: NdArray): NdArray => (a.dtype === "i32" ? a : cast(a, precision));
    const before = new Map([...options.weights].map(([name, w]) => [name, taken(w)]));
    const arrays = new Map<string, NdArray>([
      ["x", taken(x)],
      ["y", taken(y)],
      ["rows", rows],
      ...(lengths ? [["lengths", lengths] satisfies [string, NdArray]] : []),
      ...parameters(before, "", ""),
      ...kept(model, before),
      ...masks(options, count),
      ...names.map((name, i): [string, NdArray] => [name, named(name, values[i]!)]),
      ...parameters(gradients!, "d", ""),
      ["lr", number(control.data[CONTROL.lr]!)],
      ["norm", number(control.data[CONTROL.norm]!)],
      ...parameters(after!, "", "_new"),
    ]);
    const { penalty, multipliers } = options;
    const about = {
      model,
      optimizer,
      schedule,
      clip,
      penalty,
      multipliers,
      rows: count,
      precision,
      lengths: lengths !== undefined,
    } as const;
    const script = receiptScript({ ...about, computedBy: backend.description });
    return { arrays, script };
  } finally {
    executor.dispose();
  }
}

/** The rows of the first batch: x [batch, inputs], y, and rows i32 [batch], their numbers in the data set. */
function firstBatch({ batch, seed, ...options }: ResolvedOptions): Rows & { readonly rows: NdArray } {
  const { lengths, ...data } = requireResident(options.data);
  const n = data.x.shape[0]!;
  const counted = lengths && usesLengths(options.model) ? lengths : null;
  if (batch === "full")
    return {
      ...data,
      ...(counted && { lengths: counted }),
      rows: ndarray(
        [n],
        "i32",
        Int32Array.from({ length: n }, (_, i) => i),
      ),
    };
  const [index] = batchIndex.reference([startCursor()], { order: "shuffle", batch, n, seed });
  const numbers = ndarray([batch], "i32", Int32Array.from(index!.data));
  if (data.text) {
    const length = shapesOf(options.model).input[0]!;
    const drawn = tokenWindows.reference([data.text, index!, startCursor()], { length, windows: n, seed });
    return { x: drawn[0]!, y: drawn[1]!, rows: numbers };
  }
  const [x] = gather.reference([data.x, index!], null);
  const [y] = gather.reference([data.y, index!], null);
  const own = counted && gather.reference([counted, index!], null)[0]!;
  return { x: x!, y: y!, rows: numbers, ...(own && { lengths: own }) };
}

/** What layers have kept from the steps before, by layer: running means, variances and a count, one after the other. */
function kept(model: ModelSpec, weights: ReadonlyMap<string, NdArray>): [string, NdArray][] {
  return statisticsSpecs(model).map(({ layer, parts }) => {
    const values = parts.flatMap(({ name, shape, first }) => {
      const own = weights.get(name)?.data;
      return own ? [...own] : Array<number>(sizeOf(shape)).fill(first);
    });
    return [`kept${layer}`, ndarray([values.length], "f32", values)];
  });
}

/** The values of a step by their names in a receipt, in the order of computation. */
function stepTensors(model: ModelSpec, { graph, gradients, loss }: TrainingGraph): Map<string, Tensor> {
  const computed = new Map(graph.nodes.flatMap((node) => node.outputs.map((t) => [t.name, t] as const)));
  const wanted = new Map<string, Tensor>();
  const back: [string, Tensor][] = [];
  const take = (name: string, tensor: Tensor | undefined): void => {
    if (!tensor) return;
    wanted.set(name, tensor);
    const gradient = gradients.get(tensor);
    if (gradient) back.unshift([`d${name}`, gradient]);
  };
  const { sources, shapes, input } = shapesOf(model);
  model.layers.forEach((layer, i) => {
    const name = `${calledName(layer, i)}.${layerName(layer)}`;
    const given = sources[i]![0]!;
    const row = (given < 0 ? input : shapes[given]!).length === 1;
    // Of values of more axes products and statistics have rows of their own.
    if (row) take(`z${i}`, computed.get(`${i}.product`));
    if (layer.type === "layerNorm" && row) {
      take(`mean${i}`, computed.get(`${name}.1`));
      take(`rstd${i}`, computed.get(`${name}.2`));
    }
    if (layer.type === "batchNorm") wanted.set(`running${i}`, computed.get(`${name}.3`)!);
    take(valueName(i), computed.get(name));
  });
  wanted.set("loss", loss);
  // In front of the first parameters there are no derivatives: nothing would need them.
  const needed = neededLayers(model);
  for (const [name, gradient] of back) if (needed[Number(/\d+$/.exec(name)![0])]) wanted.set(name, gradient);
  return wanted;
}

/** Numbers as numpy has them: a loss of rank 0, statistics of rows as columns. */
function named(name: string, value: NdArray): NdArray {
  if (name === "loss") return { ...value, shape: [] };
  return /^(mean|rstd)/.test(name) ? { ...value, shape: [sizeOf(value.shape), 1] } : value;
}

/** What each dropout layer lets through at the first step: f32 [batch, ...] of 0 and 1. */
function masks({ model, seed }: ResolvedOptions, batch: number): [string, NdArray][] {
  const { input, shapes, sources } = shapesOf(model);
  return model.layers.flatMap((layer, i): [string, NdArray][] => {
    const own = layer.type === "dropout" && layer.p > 0 ? [{ name: `mask${i}`, p: layer.p, by: i }] : [];
    const source = sources[i]![0]!;
    const shape = [batch, ...(source < 0 ? input : shapes[source]!)];
    return [...own, ...adapterMasks(layer, i)].map(({ name, p, by }) => {
      const ones = ndarray(shape, "f32", new Float32Array(sizeOf(shape)).fill(1));
      const [kept] = dropout.reference([ones, startCursor()], { p, seed, layer: by });
      const mask = Float32Array.from(kept!.data, (v) => (v === 0 ? 0 : 1));
      return [name, ndarray(shape, "f32", mask)];
    });
  });
}

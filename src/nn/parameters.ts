import { ChainruleError } from "../core/errors.ts";
import { type NdArray, sizeOf, zeros } from "../core/ndarray.ts";
import type { Graph, Tensor } from "../graph/graph.ts";
import { alignView, slice } from "../ops/shared/views.ts";
import { layerName, type ModelSpec } from "./model-spec.ts";
import { type ParameterSpec, parameterSpecs, type StatisticsSpec, statisticsSpecs } from "./parameter-specs.ts";

/** A flat array that holds several parameters, each at an offset of its own. */
export interface ParameterGroup {
  readonly flat: Tensor;
  readonly parameters: readonly { readonly spec: ParameterSpec; readonly tensor: Tensor; readonly offset: number }[];
}

/** The statistics of a layer in one variable, part after part. */
export interface Statistics {
  readonly spec: StatisticsSpec;
  readonly variable: Tensor;
}

/** A model's weights in a graph: what holds them, and what a forward pass reads. */
export interface ModelTensors {
  /** Of the parameters that are trained. */
  readonly groups: readonly ParameterGroup[];
  /** Of those that are frozen, and only read. */
  readonly frozen: readonly ParameterGroup[];
  readonly kept: readonly Statistics[];
  /** By name. */
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** By layer: the variable, and once a step was recorded what that makes of it. */
  readonly statistics: Map<number, Tensor>;
}

/** Refuses a model with a parameter larger than the device's largest buffer, before anything is allocated. */
export function requireFits(model: ModelSpec, maxBufferSize: number): void {
  for (const { name, shape, layer } of parameterSpecs(model)) {
    const bytes = alignView(sizeOf(shape)) * 4;
    if (bytes <= maxBufferSize) continue;
    throw new ChainruleError(
      "limit",
      `layer ${layer} (${layerName(model.layers[layer]!)}): ${name} needs ${bytes} bytes, more than the limit of ${maxBufferSize} bytes that this device has for one buffer (maxBufferSize): use a narrower layer`,
    );
  }
}

/**
 * Puts parameters into flat variables, as few as the device's largest buffer allows, so that gradients, moments and
 * updates are over whole buffers; each parameter is a view.
 */
function parameterGroups(
  g: Graph,
  called: string,
  specs: readonly ParameterSpec[],
  values: ReadonlyMap<string, NdArray>,
  maxBufferSize: number,
): readonly ParameterGroup[] {
  const most = Math.floor(maxBufferSize / 4);
  const plans: { spec: ParameterSpec; offset: number }[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (const spec of specs) {
    const size = alignView(sizeOf(spec.shape));
    if (used + size > most) {
      plans.push([]);
      used = 0;
    }
    plans.at(-1)!.push({ spec, offset: used });
    used += size;
  }
  return plans.map((plan, i) => {
    const last = plan.at(-1)!;
    const size = last.offset + alignView(sizeOf(last.spec.shape));
    const name = plans.length > 1 ? `${called} ${i}` : called;
    const flat = g.variable(name, packed(size, plan, values));
    const parameters = plan.map(({ spec, offset }) => ({
      spec,
      offset,
      tensor: g.one(slice, [flat], { offset, shape: spec.shape }, spec.name),
    }));
    return { flat, parameters };
  });
}

/** Parameters by name out of the values of their groups' flat arrays. */
export function unpackParameters(groups: readonly ParameterGroup[], flats: readonly NdArray[]): Map<string, NdArray> {
  const out = new Map<string, NdArray>();
  groups.forEach((group, i) => {
    for (const { spec, offset } of group.parameters) {
      const data = flats[i]!.data.slice(offset, offset + sizeOf(spec.shape));
      out.set(spec.name, { shape: spec.shape, dtype: flats[i]!.dtype, data });
    }
  });
  return out;
}

/** Adds a model's weights to a graph. `values` may lack statistics, which then begin as a first step has them. */
export function modelTensors(
  g: Graph,
  model: ModelSpec,
  values: ReadonlyMap<string, NdArray>,
  maxBufferSize: number,
): ModelTensors {
  requireFits(model, maxBufferSize);
  const specs = parameterSpecs(model);
  const [groups, frozen] = [false, true].map((is) => {
    const own = specs.filter((spec) => (spec.frozen === true) === is);
    return parameterGroups(g, is ? "frozen parameters" : "parameters", own, values, maxBufferSize);
  }) as [readonly ParameterGroup[], readonly ParameterGroup[]];
  const kept = statisticsSpecs(model).map((spec) => {
    const name = `statistics of ${spec.parts[0]!.name.replace(/\.[^.]*$/, "")}`;
    return { spec, variable: g.variable(name, packStatistics(spec, values)) };
  });
  return {
    groups,
    frozen,
    kept,
    parameters: new Map(
      [...groups, ...frozen].flatMap((group) => group.parameters.map((p) => [p.spec.name, p.tensor] as const)),
    ),
    statistics: new Map(kept.map(({ spec, variable }) => [spec.layer, variable])),
  };
}

/** Where weights lie; without `frozen` those that a run may change. */
type Places = Pick<ModelTensors, "groups" | "kept"> & Partial<Pick<ModelTensors, "frozen">>;

/** The variables that hold a model's weights, in the order that unpackWeights takes their values. */
export const weightVariables = ({ groups, frozen = [], kept }: Places): readonly Tensor[] => [
  ...[...groups, ...frozen].map((group) => group.flat),
  ...kept.map((k) => k.variable),
];

/** What to write into each of them. */
export const weightWrites = ({ groups, frozen = [], kept }: Places, values: ReadonlyMap<string, NdArray>) => [
  ...[...groups, ...frozen].map((group) => [group.flat, packGroup(group, values)] as const),
  ...kept.map(({ spec, variable }) => [variable, packStatistics(spec, values)] as const),
];

/** Weights by name out of the values of those variables. */
export function unpackWeights({ groups, frozen = [], kept }: Places, values: readonly NdArray[]): Map<string, NdArray> {
  const parameters = [...groups, ...frozen];
  const out = unpackParameters(parameters, values);
  kept.forEach(({ spec }, i) => {
    const { data, dtype } = values[parameters.length + i]!;
    let at = 0;
    for (const { name, shape } of spec.parts) {
      out.set(name, { shape, dtype, data: data.slice(at, at + sizeOf(shape)) });
      at += sizeOf(shape);
    }
  });
  return out;
}

function packStatistics({ parts }: StatisticsSpec, values: ReadonlyMap<string, NdArray>): NdArray {
  const wide = parts.some(({ name }) => values.get(name)?.dtype === "f64");
  const out = zeros([parts.reduce((sum, { shape }) => sum + sizeOf(shape), 0)], wide ? "f64" : "f32");
  let at = 0;
  for (const { name, shape, first } of parts) {
    const end = at + sizeOf(shape);
    const value = values.get(name);
    if (value) out.data.set(value.data, at);
    else out.data.fill(first, at, end);
    at = end;
  }
  return out;
}

/** The flat array of a group from parameters by name. */
export function packGroup(group: ParameterGroup, values: ReadonlyMap<string, NdArray>): NdArray {
  return packed(sizeOf(group.flat.shape), group.parameters, values);
}

/** Values side by side [size]: f64 where one of them is, so that who computes in f64 has all their digits. */
function packed(
  size: number,
  parameters: readonly Pick<ParameterGroup["parameters"][number], "spec" | "offset">[],
  values: ReadonlyMap<string, NdArray>,
): NdArray {
  const wide = parameters.some(({ spec }) => values.get(spec.name)!.dtype === "f64");
  const out = zeros([size], wide ? "f64" : "f32");
  for (const { spec, offset } of parameters) out.data.set(values.get(spec.name)!.data, offset);
  return out;
}

import { requireCount, requireOneOf } from "../../core/arguments.ts";
import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, requireNdArray, sameShape, shapeText } from "../../core/ndarray.ts";
import { packGroup, unpackParameters, unpackWeights, weightVariables, weightWrites } from "../../nn/parameters.ts";
import { CONTROL } from "../../ops/step/control.ts";
import type { TrainingGraph } from "./training-graph.ts";

/**
 * Everything of a run that its next step depends on, and no more: with the same options a trainer that restores it goes
 * on with the same steps, on the same device bit for bit. Random bits need no place of their own, since they are
 * functions of seed and step. Arrays are by parameter, so they do not depend on how a device divides its buffers.
 */
export interface TrainerState {
  /** Steps taken. */
  readonly step: number;
  /** u32 [4]: step, epoch, position in the epoch, steps skipped. */
  readonly cursor: NdArray;
  /**
   * f32 [8]: learning rate, gate, clipping, norm of the last step, and Adam's bias corrections; with f16 also the scale of
   * the loss and the good steps since it last changed.
   */
  readonly control: NdArray;
  /** By name, statistics such as running means among them; weights are [in, out]. Frozen ones are those of the options. */
  readonly parameters: ReadonlyMap<string, NdArray>;
  /** The optimizer's arrays in its own order (Adam: first and second moment), each by parameter. */
  readonly moments: readonly ReadonlyMap<string, NdArray>[];
  /** The moving average of the weights, where one is kept. */
  readonly average?: ReadonlyMap<string, NdArray>;
}

/** Throws ChainruleError("usage") where there are no such weights. */
export function requireChoice(which: "last" | "average", hasAverage: boolean): void {
  requireOneOf("weights", which, ["last", "average"]);
  if (which === "last" || hasAverage) return;
  throw new ChainruleError("usage", "this trainer keeps no moving average of its weights: give it ema: { decay }");
}

/** The weights of a state, or their moving average. */
export function weightsOf({ parameters, average }: TrainerState, which: "last" | "average"): Map<string, NdArray> {
  requireChoice(which, average !== undefined);
  return new Map([...parameters, ...(which === "average" ? average! : [])]);
}

type Places = Pick<TrainingGraph, "groups" | "kept" | "states" | "averages" | "cursor" | "control">;

/** The values to read, in the order that `stateOf` takes them. */
export function stateTensors({ groups, kept, states, averages, cursor, control }: Places) {
  return [cursor, control, ...states, ...averages, ...weightVariables({ groups, kept })];
}

/** A state out of what was read. */
export function stateOf({ groups, kept, states, averages }: Places, values: readonly NdArray[]): TrainerState {
  const [cursor, control, ...rest] = values as [NdArray, NdArray, ...NdArray[]];
  const perGroup = states.length / groups.length;
  const moments = Array.from({ length: perGroup }, (_, k) =>
    unpackParameters(
      groups,
      groups.map((_group, i) => rest[i * perGroup + k]!),
    ),
  );
  const behind = rest.slice(states.length);
  const average = averages.length > 0 && { average: unpackParameters(groups, behind) };
  const parameters = unpackWeights({ groups, kept }, behind.slice(averages.length));
  return { step: cursor.data[0]!, cursor, control, parameters, moments, ...average };
}

/** What to write where. Throws, naming the array, before anything is written, where the state is of another run. */
export function stateWrites({ groups, kept, states, averages, cursor, control }: Places, state: TrainerState) {
  if (!state?.parameters || !Array.isArray(state.moments)) {
    throw new ChainruleError("file", "this is no state of a run as state() gives it");
  }
  requireCount("the state's step", state.step, 0);
  const perGroup = states.length / groups.length;
  if (state.moments.length !== perGroup) {
    throw new ChainruleError(
      "file",
      `the state has ${state.moments.length} arrays of the optimizer, this optimizer has ${perGroup}`,
    );
  }
  if ((state.average !== undefined) !== averages.length > 0) {
    const [has, wants] = state.average ? ["has a", "keeps none (no ema)"] : ["has no", "keeps one (ema)"];
    throw new ChainruleError("file", `the state ${has} moving average of the weights, this run ${wants}`);
  }
  requireShape("cursor", state.cursor, cursor.shape);
  requireShape("control", state.control, control.shape);
  const [has, wants] = [state.control, control.initial!].map((c) => (c.data[CONTROL.scale] === 0 ? "f32" : "f16"));
  if (has !== wants) throw new ChainruleError("file", `the state is of a run in ${has}, this run is in ${wants}`);
  const parameters = groups.flatMap((group) => group.parameters.map((p) => p.spec));
  const statistics = kept.flatMap(({ spec }) => spec.parts);
  const arrays = [state.parameters, ...state.moments, ...(state.average ? [state.average] : [])];
  arrays.forEach((values, k) => {
    const what = (name: string): string => {
      if (k === 0) return name;
      return k > perGroup ? `the average of ${name}` : `the optimizer's array ${k} of ${name}`;
    };
    const wanted = k === 0 ? [...parameters, ...statistics] : parameters;
    for (const spec of wanted) {
      const value = values.get(spec.name);
      if (!value) throw new ChainruleError("file", `the state lacks ${what(spec.name)}`);
      requireShape(what(spec.name), value, spec.shape);
    }
    const extra = [...values.keys()].find((name) => !wanted.some((spec) => spec.name === name));
    if (extra !== undefined) throw new ChainruleError("file", `the state has ${what(extra)}, the model has not`);
  });
  return [
    [cursor, state.cursor] as const,
    [control, state.control] as const,
    ...weightWrites({ groups, kept }, state.parameters),
    ...states.map((tensor, i) => {
      const group = groups[Math.floor(i / perGroup)]!;
      return [tensor, packGroup(group, state.moments[i % perGroup]!)] as const;
    }),
    ...averages.map((tensor, i) => [tensor, packGroup(groups[i]!, state.average!)] as const),
  ];
}

function requireShape(what: string, value: NdArray, shape: readonly number[]): void {
  requireNdArray(value, `the state's ${what}`, "file");
  if (!sameShape(value.shape, shape)) {
    throw new ChainruleError(
      "file",
      `the state's ${what} is ${shapeText(value.shape)}, this run has ${shapeText(shape)}`,
    );
  }
}

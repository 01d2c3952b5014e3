import { brief } from "../core/format.ts";
import { type Shape, shapeText, sizeOf } from "../core/ndarray.ts";
import { bad, Fields } from "./layers/fields.ts";
import { adapters } from "./layers/known.ts";
import type { AnyLayerType, PlacedLayer, Tokens } from "./layers/layer-type.ts";
import { lateLayerNames } from "./layers/names.ts";
import { layerTypeOf, layerTypes } from "./layers/registry.ts";
import type { LayerSpec } from "./layers/spec.ts";
import { calledName, layerName } from "./model-spec.ts";

/** Layers whose shapes fit, and what goes through them. */
export interface Assembled {
  readonly layers: readonly LayerSpec[];
  /** Shape of a row of the model's input. */
  readonly input: Shape;
  /** What each layer reads: indices of layers, -1 for the model's input. */
  readonly sources: readonly (readonly number[])[];
  /** What each layer gives, batch left out. */
  readonly shapes: readonly Shape[];
  /** Of an input that is tokens; null where it is numbers. */
  readonly tokens: Tokens | null;
}

/** Values of a row beyond which no device's indices reach. */
const MOST_VALUES = 2 ** 30;

/**
 * Reads a list of layers one after the other: fields, what each reads, and the shape of what it gives. With `open` fields
 * that the value before a layer tells may be left out, as sequential() allows. Throws ChainruleError "model" by the place
 * of the layer.
 */
export function assemble(list: readonly unknown[], given: Shape | undefined, open: boolean): Assembled {
  const layers: LayerSpec[] = [];
  const types: AnyLayerType[] = [];
  const sources: (readonly number[])[] = [];
  const shapes: (Shape | null)[] = [];
  const called = new Map<string, number>([["input", -1]]);
  let input = given ?? null;
  const shapeAt = (source: number): Shape | null => (source < 0 ? input : shapes[source]!);
  const work = (i: number): void => {
    const inputs = sources[i]!.map(shapeAt);
    shapes[i] = inputs.every((shape) => shape !== null) ? shapeOf(layers[i]!, i, types[i]!, sources[i]!, inputs) : null;
  };
  list.forEach((json, i) => {
    const fields = objectOf(json, `layer ${i}`);
    const type = typeOf(fields, i);
    const at = `layer ${i} (${type.type === "custom" ? fields.name : type.type})`;
    const from = sourcesOf(fields, type, i, at, called);
    const before = shapeAt(from[0]!);
    const whole = open && type.fill ? filled(type, fields, before, at) : fields;
    const read = type.read(new Fields(whole, at));
    const layer = (type.type === "custom" ? read : { type: type.type, ...read, ...wiringOf(fields, at) }) as LayerSpec;
    if (layer.trainable !== undefined && layer.trainable !== false) adapters().requireTrainable(layer, type, at);
    type.tied?.(layer, at, (other) => {
      const k = called.get(other) ?? -1;
      const own = types[k]?.parameters?.(layers[k]) ?? [];
      if (own.length === 0) return null;
      return { type: types[k]!.type, weight: own[0]!.shape, adapted: own.some(({ adapter }) => adapter) };
    });
    claim(called, calledName(layer, i), i, at);
    layers.push(layer);
    types.push(type);
    sources.push(from);
    // Behind what reads tokens a width says nothing of how many there are.
    const wants = input === null && !types.some(({ tokens }) => tokens) ? (type.wants?.(layer) ?? null) : null;
    if (wants) {
      input = wants;
      for (let k = 0; k < i; k++) work(k);
    }
    work(i);
  });
  if (input === null) {
    if (!types.some((type, i) => (type.parameters?.(layers[i]) ?? []).length > 0)) nothingToTrain();
    if (types[0]!.tokens) {
      bad('model: "input" is missing, the tokens of a row such as [64]: give it, or data whose rows say it');
    }
    bad(
      `model: "input" is missing, the shape of a row such as [1, 28, 28]: layer 0 (${types[0]!.type}) does not tell it`,
    );
  }
  const reader = types.find((type) => type.tokens);
  const placed = (layer: LayerSpec, i: number): PlacedLayer => ({
    at: `layer ${i} (${layerName(layer)})`,
    sources: sources[i]!,
    vocabulary: types[i]!.tokens?.vocabulary(layer) ?? null,
  });
  const tokens = reader ? reader.tokens!.input(layers.map(placed)) : null;
  return { layers, input: input!, sources, shapes: shapes as Shape[], tokens };
}

export const nothingToTrain = (): never => bad("model: no layer has parameters, so there is nothing to train");

export function objectOf(json: unknown, what: string): Record<string, unknown> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) bad(`${what} must be a JSON object`);
  return json as Record<string, unknown>;
}

function typeOf(fields: Record<string, unknown>, i: number): AnyLayerType {
  const { type } = fields;
  if (typeof type !== "string") return bad(`layer ${i}: "type" is missing`);
  const found = layerTypeOf(type);
  if (found) return found;
  if (type === "custom")
    bad(`layer ${i}: a custom layer is code, which a file cannot hold: put customLayer(...) into the model`);
  if ((lateLayerNames as readonly string[]).includes(type)) {
    bad(`layer ${i}: ${type} is not loaded: await loadLayerTypes(model) before parseModel(model)`);
  }
  return bad(`layer ${i}: unknown type ${brief(type)}; known are ${layerTypes.join(", ")}`);
}

/** The fields with those that were left out, as the value before the layer has them. */
function filled(type: AnyLayerType, fields: Record<string, unknown>, before: Shape | null, at: string) {
  if (before) return { ...type.fill!({}, before), ...fields };
  const holes = Object.keys(type.fill!({}, [1])).filter((key) => fields[key] === undefined);
  if (holes.length > 0 && type.open) bad(`${at} is the first with a width: give it, ${type.open}`);
  return fields;
}

function wiringOf({ name, from, trainable }: Record<string, unknown>, at: string): object {
  if (name !== undefined && (typeof name !== "string" || !/^[\w-]+(\.[\w-]+)*$/.test(name) || name.length > 200)) {
    bad(`${at}: "name" must be letters, digits, _ or -, with dots between, got ${brief(name)}`);
  }
  return {
    ...(name === undefined ? {} : { name }),
    ...(from === undefined ? {} : { from }),
    ...(trainable === undefined || trainable === true ? {} : { trainable }),
  };
}

function claim(called: Map<string, number>, name: string, i: number, at: string): void {
  const before = called.get(name);
  if (before !== undefined) {
    bad(
      `${at}: ${before < 0 ? 'the model\'s input is called "input"' : `layer ${before} is called ${brief(name)} too`}`,
    );
  }
  called.set(name, i);
}

/** Indices of what a layer reads. */
function sourcesOf(
  { from }: Record<string, unknown>,
  type: AnyLayerType,
  i: number,
  at: string,
  called: ReadonlyMap<string, number>,
): readonly number[] {
  if (from === undefined) {
    if (type.several) bad(`${at}: "from" must name the values that it takes, ["a", "b"]`);
    return [i - 1];
  }
  const names: unknown = typeof from === "string" ? [from] : from;
  if (!Array.isArray(names) || names.length === 0 || !names.every((n) => typeof n === "string")) {
    return bad(`${at}: "from" must be a name or a list of names, got ${brief(from)}`);
  }
  if (type.several ? names.length < 2 : type.type !== "custom" && names.length > 1) {
    bad(`${at}: "from" names ${names.length} values, it takes ${type.several ? "two or more" : "one"}`);
  }
  return names.map((name: string) => {
    const found = called.get(name);
    if (found !== undefined) return found;
    const known = [...called.keys()].slice(-8).map((k) => brief(k));
    return bad(
      `${at}: "from" names ${brief(name)}, and no layer before it is called so; it can name ${known.join(", ")}`,
    );
  });
}

function shapeOf(
  layer: LayerSpec,
  i: number,
  type: AnyLayerType,
  sources: readonly number[],
  inputs: readonly Shape[],
): Shape {
  const at = `layer ${i} (${layerName(layer)})`;
  const misfit = (wanted: string): never => {
    const giver = type.several || sources.length > 1 ? "what it reads is" : giverOf(sources[0]!, i);
    const got = inputs.map((shape) => (shape.length === 1 && !wanted.includes("[") ? `${shape[0]}` : shapeText(shape)));
    return bad(`${at} takes ${wanted}, but ${giver} ${got.join(" and ")}`);
  };
  const shape = type.shape(layer, inputs, misfit);
  const dims = Array.isArray(shape) && shape.length > 0 && shape.every((d) => Number.isInteger(d) && d > 0);
  if (!dims) bad(`${at} would give ${brief(shape)}, which is no shape of a value`);
  if (sizeOf(shape) > MOST_VALUES)
    bad(`${at} would give ${shapeText(shape)} a row, more values than a device can index`);
  return shape;
}

function giverOf(source: number, i: number): string {
  if (source === i - 1) return i === 0 ? "the model's input is" : "the layer before it gives";
  return source < 0 ? "the model's input is" : `layer ${source} gives`;
}

import { brief } from "../../core/format.ts";
import { isObject, type Json, listOf, numberOf, objectOf, refuse, textOf } from "./json.ts";
import { type KerasLayer, MODELS, nameOf } from "./layer.ts";

/** Arguments of attention's call that are values, in the order in which it takes them. */
const VALUES = ["query", "value", "key"] as const;
/** Under what name a layer's call holds the number that is one of its two inputs, as x * 2 has in Keras 3. */
export const CONSTANT = "a number";
/** That number, and whether it comes first. */
export interface Constant {
  readonly value: number;
  readonly first: boolean;
}

const isValue = (given: unknown): boolean =>
  (isObject(given) && given.class_name === "__keras_tensor__") ||
  (Array.isArray(given) && typeof given[0] === "string");

/** What one of a layer's calls gives: the layer's name, and the number of the call. */
export interface Source {
  readonly name: string;
  readonly call: number;
}

/** Values that a layer takes in one of its calls, and what it is called with besides. */
export interface Call {
  readonly from: readonly Source[];
  readonly settings: Json;
}

/** A net that goes through the same layers again and again is written out, so often at most. */
const MOST_CALLS = 16;

/** A layer's calls; one of no values where nothing says how it is called. */
export function callsOf(layer: KerasLayer, inbound: unknown): readonly Call[] {
  const what = nameOf(layer);
  const calls = listOf(inbound ?? [], `${what}: inbound_nodes`, 1000);
  if (calls.length === 0) return [{ from: [], settings: {} }];
  if (calls.length > MOST_CALLS) refuse(`${what} is used ${calls.length} times; here ${MOST_CALLS} times at most`);
  if (calls.length > 1 && MODELS.has(layer.className) && !isObject(calls[0])) {
    refuse(`${what} is a model that is used ${calls.length} times, which is read of Keras 3 alone: save it with that`);
  }
  return calls.map((call) => callOf(what, layer.className, call));
}

function callOf(what: string, className: string, call: unknown): Call {
  // Keras 3: { args: [{ class_name: "__keras_tensor__", config: { keras_history: [layer, node, tensor] } }], kwargs },
  // where several inputs are a list within the list.
  const args = listOf(isObject(call) ? call.args : call, `${what}: its inputs`, 1000);
  const given =
    isObject(call) && args.length === 1 && Array.isArray(args[0]) ? listOf(args[0], `${what}: its inputs`, 1000) : args;
  const more = given.map((one) => (isObject(call) ? call.kwargs : (one as readonly unknown[] | undefined)?.[3]));
  const { query, value, key, ...settings } = Object.assign(
    {},
    ...[isObject(call) ? call.kwargs : {}, ...more].filter(isObject),
  ) as Json;
  const named = { query, value, key };
  const inputs = [...given, ...VALUES.flatMap((name) => (named[name] == null ? [] : [named[name]]))];
  const number = isObject(call) && inputs.length === 2 ? inputs.findIndex((input) => typeof input === "number") : -1;
  if (number >= 0) {
    const constant: Constant = { value: inputs[number] as number, first: number === 0 };
    Object.assign(settings, { [CONSTANT]: constant });
    inputs.splice(number, 1);
  }
  if (inputs.length === 0) refuse(`${what} takes no inputs`);
  // Keras 3 writes it with layers that change images, of which no prediction takes notice.
  if (settings.training === true && !/^Random/.test(className)) {
    refuse(`${what} is called with training=True, so that it also acts in prediction; no layer here does`);
  }
  const strange = Object.keys(settings).find((name) => isValue(settings[name]));
  if (strange)
    refuse(`${what} is called with ${brief(strange)}, a value of its own; here a layer takes its inputs alone`);
  const from = inputs.map((input) => {
    const config = isObject(input) ? objectOf(input.config, `${what}: its input`) : {};
    if (isObject(input) && !("keras_history" in config)) {
      refuse(
        `${what} takes ${brief(input.class_name)}, which no layer gives: here a layer takes values of the net alone`,
      );
    }
    return sourceOf(isObject(input) ? config.keras_history : input, `${what}: its input`);
  });
  return { from, settings };
}

/** The values in [["dense", 0, 0], ...] or ["dense", 0, 0]. */
export function sourcesOf(value: unknown, what: string): readonly Source[] {
  const list = listOf(value, what, 1000);
  return typeof list[0] === "string" ? [sourceOf(list, what)] : list.map((entry) => sourceOf(entry, what));
}

function sourceOf(value: unknown, what: string): Source {
  const [name, call] = listOf(value, what, 4);
  return { name: textOf(name, what), call: numberOf(call, 0, what) };
}

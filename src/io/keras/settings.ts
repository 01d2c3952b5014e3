import { brief } from "../../core/format.ts";
import { isObject } from "./json.ts";
import type { KerasLayer } from "./layer.ts";

const MOST_NAMES = 3;
const PENALTIES = [
  "kernel_regularizer",
  "bias_regularizer",
  "activity_regularizer",
  "gamma_regularizer",
  "beta_regularizer",
];
const CONSTRAINTS = ["kernel_constraint", "bias_constraint", "gamma_constraint", "beta_constraint"];

/** Says which settings of layers have a say in training alone and are no part of a model here, and what is computed in f32. */
export function noteSettings(layers: readonly KerasLayer[], note: (text: string) => void): void {
  const say = (has: (layer: KerasLayer) => boolean, text: string): void => {
    const found = layers.filter(has).map(({ path }) => brief(path.join("/")));
    if (found.length === 0) return;
    const more = found.length > MOST_NAMES ? ` and ${found.length - MOST_NAMES} others` : "";
    note(`${text}: ${found.slice(0, MOST_NAMES).join(", ")}${more}`);
  };
  const any = (keys: readonly string[]) => (layer: KerasLayer) => keys.some((key) => layer.config[key] != null);
  say(any(PENALTIES), "regularizers belong to a run here, not to the model, and are left out");
  say(any(CONSTRAINTS), "constraints on weights are left out");
  say(({ config }) => config.trainable === false, "layers that were frozen train here");
  say(
    ({ config }) => !["float32", null].includes(dtypeOf(config.dtype)),
    "computed in f32, which is not the layer's own dtype",
  );
}

/** The name of a dtype or of a policy of them; null where none is said. */
function dtypeOf(value: unknown): string | null {
  if (isObject(value)) return isObject(value.config) ? dtypeOf(value.config.name) : null;
  return typeof value === "string" ? value : null;
}

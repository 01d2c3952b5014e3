import { sizeOf } from "../core/ndarray.ts";
import type { ModelSpec } from "./model-spec.ts";
import { classLayout, widths } from "./shapes.ts";

/** What a model is for, as its loss and its outputs tell, in a few words for people. */
export function taskOf(model: ModelSpec): string {
  const { outputs } = widths(model);
  const { loss } = model;
  if (loss === "crossEntropy") {
    const { classes, places } = classLayout(model);
    const each = sizeOf(places) > 1 ? ` for each of ${places.join(" x ")} places` : "";
    return `${classes} classes${each} by a softmax of ${classes} outputs, loss crossEntropy`;
  }
  if (loss === "bce" && outputs === 1) return "two classes by one sigmoid output, loss bce";
  if (loss === "bce") return `${outputs} labels, each yes or no, by a sigmoid for each, loss bce`;
  return `regression of ${outputs === 1 ? "one value" : `${outputs} values`}, loss ${loss}`;
}

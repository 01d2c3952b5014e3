import { brief } from "../../core/format.ts";
import type { Json } from "./json.ts";

/** A layer as the model's structure has it. */
export interface KerasLayer {
  readonly className: string;
  readonly name: string;
  readonly config: Json;
  /** The names of the models that it lies in, the outermost first, and its own. */
  readonly path: readonly string[];
  /** The same as Keras 3's files of weights call them, by class and place: layers/dense_1. */
  readonly stored: readonly string[];
  /** What it is called with beside the values that it takes: {"use_causal_mask": true}. */
  readonly call?: Json;
  /** Where it was called before: it has the weights that it had then. */
  readonly again?: true;
}

/** The layer as messages name it. */
export function nameOf({ path, className }: KerasLayer): string {
  return `layer ${brief(path.join("/"))} (${className.slice(0, 100)})`;
}

/** Classes of models, which may lie within others as layers do. */
export const MODELS: ReadonlySet<string> = new Set(["Sequential", "Functional", "Model"]);

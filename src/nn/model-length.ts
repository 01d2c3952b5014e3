import type { Shape } from "../core/ndarray.ts";
import { readModel } from "./model.ts";
import type { ModelSpec } from "./model-spec.ts";

/** Whether a model leaves its input to the data: an embedding reads rows of tokens, and nothing says of how many. */
export function wantsLength(model: unknown): boolean {
  const { input, layers } = (model ?? {}) as { input?: unknown; layers?: unknown };
  const [first] = Array.isArray(layers) ? (layers as { type?: unknown }[]) : [];
  return input === undefined && first?.type === "embedding";
}

/** The model, checked, with rows as long as those of x [n, steps], where it leaves that to them; else as it is. */
export function withLength(model: ModelSpec, x: { readonly shape?: Shape } | undefined): ModelSpec {
  const row = x?.shape?.slice(1) ?? [];
  return wantsLength(model) && row.length > 0 ? readModel({ ...model, input: row }, false) : model;
}

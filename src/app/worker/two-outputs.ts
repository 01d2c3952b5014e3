import { type NdArray, ndarray } from "../../core/ndarray.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";

/** A net and what it begins from. */
interface Net {
  readonly model: ModelSpec;
  readonly weights: ReadonlyMap<string, NdArray> | null;
  readonly notes: readonly string[];
}

/**
 * A net whose one output z is the logit of two classes as one of two outputs, 0 and z, whose softmax gives the same
 * probabilities: rows of two classes ask for those here. Null where the net does not end in such a layer.
 */
export function twoOutputs({ model, weights, notes }: Net): Net | null {
  const at = model.layers.length - 1;
  const last = model.layers[at];
  if (model.loss !== "bce" || last?.type !== "linear" || last.out !== 1) return null;
  const layers = model.layers.with(at, { ...last, out: 2 });
  const name = last.name ?? String(at);
  const own = [`${name}.weight`, `${name}.bias`];
  const widened = [...(weights ?? [])].map(
    ([key, array]) => [key, own.includes(key) ? besideZeros(array) : array] as const,
  );
  return {
    model: { ...model, layers, loss: "crossEntropy" },
    weights: weights && new Map(widened),
    notes: [
      ...notes,
      "the one output, the logit of the second class, stands beside a 0: a softmax of both is its sigmoid",
    ],
  };
}

/** [n, 1] -> [n, 2] and [1] -> [2], with zeros in front. */
function besideZeros({ shape, data, dtype }: NdArray): NdArray {
  const values = Array.from({ length: 2 * data.length }, (_, i) => (i % 2 === 0 ? 0 : data[(i - 1) / 2]!));
  return ndarray([...shape.slice(0, -1), 2], dtype, values);
}

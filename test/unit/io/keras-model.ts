import type { Json } from "../../../src/io/keras/json.ts";

/** A layer as Keras writes it, with no more than is read. */
export function layer(className: string, name: string, config: Json): Json {
  return { class_name: className, config: { name, ...config } };
}

/** A Dense layer with biases. */
export function dense(name: string, units: number, more: Json = {}): Json {
  return layer("Dense", name, { units, activation: "linear", use_bias: true, ...more });
}

/** TensorFlow.js's model.json, its weights in one file, w.bin. */
export function tfjs(layers: unknown[], weights: unknown): Json {
  const modelTopology = { class_name: "Sequential", config: { layers } };
  return { format: "layers-model", modelTopology, weightsManifest: [{ paths: ["w.bin"], weights }] };
}

import { isObject, type Json } from "./json.ts";

/** What wrote a file, where it matters: names that mean another function from one to the next. */
export type Version = "tfjs" | "keras2" | "keras3" | "unknown";

/** `said` is what lies beside the structure: an attribute of HDF5, metadata.json of a .keras file. */
export function versionOf(model: Json, said: unknown = undefined): Version {
  const text = said ?? model.keras_version;
  if (typeof text === "string") {
    if (text.startsWith("tfjs")) return "tfjs";
    return /^[012]\./.test(text) ? "keras2" : /^[3-9]\./.test(text) ? "keras3" : "unknown";
  }
  // Keras 2 writes its version into what to_json() gives; Keras 3 the module of every class.
  return typeof model.module === "string" && isObject(model.config) ? "keras3" : "unknown";
}

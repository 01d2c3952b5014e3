import { brief } from "../../core/format.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import type { Parts } from "../net/branch.ts";
import { addCelu, addClip } from "../net/clip.ts";
import { addHardSigmoid } from "../net/hard-sigmoid.ts";
import { isObject, refuse, textOf } from "./json.ts";
import type { Version } from "./version.ts";

/** Slope of leaky_relu by its name, which came with Keras 3; the layer has another. */
const NAMED_SLOPE = 0.2;

const ACTIVATIONS: Readonly<Record<string, LayerSpec>> = {
  relu: { type: "relu" },
  relu6: { type: "relu6" },
  selu: { type: "selu" },
  sigmoid: { type: "sigmoid" },
  tanh: { type: "tanh" },
  softplus: { type: "softplus" },
  softmax: { type: "softmax" },
  log_softmax: { type: "logSoftmax" },
  elu: { type: "elu", alpha: 1 },
  gelu: { type: "gelu" },
  silu: { type: "silu" },
  swish: { type: "silu" },
  mish: { type: "mish" },
  hard_silu: { type: "hardSwish" },
  hard_swish: { type: "hardSwish" },
  gelu_new: { type: "geluTanh" },
  leaky_relu: { type: "leakyRelu", slope: NAMED_SLOPE },
};

/** The name of a function, which Keras 2 and 3 may wrap; null where it is none. */
export function functionName(value: unknown, where: string): string {
  const wrapped = isObject(value) ? (value.class_name ?? "") : value;
  const text = isObject(value) && (wrapped === "function" || wrapped === "Function") ? value.config : wrapped;
  return textOf(text, `${where}: activation`);
}

/** Of f that bends the other way round, -f(-x). */
const TURNED = { scale: Float64Array.of(-1), shift: Float64Array.of(0) };

/** Activations that are one of ours between numbers that go into the layers beside. */
const COMPOSED: Readonly<Record<string, (parts: Pick<Parts, "add" | "affine">, where: string) => void>> = {
  hard_tanh: (parts, where) => addClip(parts, [-1, 1], { where, refuse }),
  celu: (parts, where) => addCelu(parts, 1, { where, refuse }),
  log_sigmoid: (parts, where) => {
    parts.affine(TURNED, where);
    parts.add({ type: "softplus" }, where);
    parts.affine(TURNED, where);
  },
};

/** Adds an activation by its name; "linear" adds nothing. Some names mean another function from one version to the next. */
export function addActivation(
  name: string,
  parts: Pick<Parts, "add" | "affine">,
  where: string,
  version: Version,
): void {
  if (name === "linear") return;
  if (name === "hard_sigmoid") {
    if (version === "unknown") {
      refuse(
        `${where}: hard_sigmoid is another function before Keras 3 than since, and the file names no version; save the whole model, as .keras or .h5`,
      );
    }
    addHardSigmoid(parts, version === "keras3" ? 1 / 6 : 0.2, 0.5, where);
    return;
  }
  if (Object.hasOwn(COMPOSED, name)) {
    COMPOSED[name]!(parts, where);
    return;
  }
  const layer = Object.hasOwn(ACTIVATIONS, name) ? ACTIVATIONS[name]! : null;
  const known = [...Object.keys(ACTIVATIONS), ...Object.keys(COMPOSED), "hard_sigmoid"].join(", ");
  parts.add(layer ?? refuse(`${where}: the activation ${brief(name)} is not known here; known are ${known}`), where);
}

import { ChainruleError } from "../core/errors.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { shapesOf } from "../nn/shapes.ts";
import { type AugmentSpec, augmentAttrs } from "../train/run/augment.ts";
import { countFlag } from "./usage.ts";

/** --augment crop=4,flip=horizontal: checked against the model before any work. */
export function augmentFlag(text: string | undefined, model: ModelSpec): AugmentSpec | undefined {
  if (text === undefined) return undefined;
  const fields = new Map<string, string>();
  for (const part of text.split(",")) {
    const [key, value] = part.split("=", 2) as [string, string?];
    if (!["crop", "shift", "flip", "cutout"].includes(key) || value === undefined || fields.has(key)) {
      const wanted = "crop=N,shift=N,flip=horizontal|vertical|both,cutout=N, any of them";
      throw new ChainruleError("usage", `--augment takes ${wanted}, got "${text}"`);
    }
    fields.set(key, value);
  }
  const pixels = (key: string): number | undefined => countFlag(`augment ${key}`, fields.get(key));
  const [padding, shift, cutout, flip] = [pixels("crop"), pixels("shift"), pixels("cutout"), fields.get("flip")];
  const spec = {
    ...(padding === undefined ? {} : { crop: { padding } }),
    ...(shift === undefined ? {} : { shift }),
    ...(flip === undefined ? {} : { flip: flip as NonNullable<AugmentSpec["flip"]> }),
    ...(cutout === undefined ? {} : { cutout }),
  };
  augmentAttrs(spec, shapesOf(model).input, 0);
  return spec;
}

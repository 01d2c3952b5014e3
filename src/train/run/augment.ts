import { requireCount, requireKnownFields, requireOneOf } from "../../core/arguments.ts";
import { ChainruleError } from "../../core/errors.ts";
import { type Shape, shapeText } from "../../core/ndarray.ts";
import type { AugmentAttrs } from "../../ops/augment/augment.ts";

/**
 * How images are changed on their way into training, each row of each step in a way of its own, drawn from the seed; never in
 * evaluation, predictions or gradients that are asked for. What comes in from outside is 0: black, or the mean where channels
 * are standardised.
 */
export interface AugmentSpec {
  /** Crops an image of the same size, anywhere, out of it and so many zeros around it, as RandomCrop(size, padding) does. */
  readonly crop?: { readonly padding: number };
  /** Moves by up to so many whole pixels, each way. */
  readonly shift?: number;
  /** Flips every second one, as RandomHorizontalFlip and RandomVerticalFlip do. */
  readonly flip?: "horizontal" | "vertical" | "both";
  /** Sets a square of this side to 0, with its middle anywhere in the image. */
  readonly cutout?: number;
}

/** Attributes of the op, for rows of shape `input`. Throws ChainruleError "usage" naming the field, or the shape of no image. */
export function augmentAttrs(spec: AugmentSpec, input: Shape, seed: number): AugmentAttrs {
  requireKnownFields("augment", spec, ["crop", "shift", "flip", "cutout"]);
  if (input.length !== 3) {
    const wanted = 'images [channels, height, width]: give the model "input", such as [1, 28, 28]';
    throw new ChainruleError("usage", `augment: rows are ${shapeText(input)}, and it takes ${wanted}`);
  }
  const { crop, shift = 0, flip, cutout = 0 } = spec;
  if (crop !== undefined) requireKnownFields("augment: crop", crop, ["padding"]);
  const padding = crop?.padding ?? 0;
  if (flip !== undefined) requireOneOf("augment: flip", flip, ["horizontal", "vertical", "both"]);
  const [channels, height, width] = input as readonly [number, number, number];
  const smaller = Math.min(height, width);
  requireCount("augment: crop: padding", padding, crop ? 1 : 0, smaller);
  requireCount("augment: shift", shift, spec.shift === undefined ? 0 : 1, smaller - 1);
  requireCount("augment: cutout", cutout, spec.cutout === undefined ? 0 : 1, smaller);
  if (padding + shift + cutout === 0 && !flip) {
    throw new ChainruleError("usage", "augment: nothing to do; give crop, shift, flip or cutout");
  }
  const [flipsAcross, flipsDown] = [flip === "horizontal" || flip === "both", flip === "vertical" || flip === "both"];
  return { shape: [channels, height, width], padding, shift, cutout, flipsAcross, flipsDown, seed };
}

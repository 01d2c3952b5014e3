import { ChainruleError } from "../../core/errors.ts";
import { sameShape, shapeText } from "../../core/ndarray.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { outputShape, shapesOf } from "../../nn/shapes.ts";

/**
 * What a net that learns a text is: tokens of its window, and of its vocabulary. Throws ChainruleError "model" where it
 * does not predict the next token at each step.
 */
export function writerOf(model: ModelSpec): { readonly length: number; readonly count: number } {
  const { tokens, input } = shapesOf(model);
  const fail = (message: string): never => {
    throw new ChainruleError("model", message);
  };
  if (!tokens) return fail("the model takes numbers; one that learns a text begins with an embedding");
  const [length] = input as readonly [number];
  const given = outputShape(model);
  if (model.loss !== "crossEntropy" || !sameShape(given, [length, tokens.count])) {
    const wanted = `logits of the next token at each step, ${shapeText([length, tokens.count])}, and crossEntropy`;
    fail(`the model gives ${shapeText(given)}; one that learns a text gives ${wanted}`);
  }
  return { length, count: tokens.count };
}

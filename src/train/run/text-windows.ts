import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, requireNdArray, shapeText } from "../../core/ndarray.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { shapesOf } from "../../nn/shapes.ts";
import type { TokenWindowsAttrs } from "../../ops/text/token-windows.ts";

/**
 * How windows of a text are drawn for a model, of which `rows` lie side by side. Throws ChainruleError "data" for a text
 * that is none, or is not the model's.
 */
export function textAttrs(text: NdArray, model: ModelSpec, rows: number, seed: number): TokenWindowsAttrs {
  requireNdArray(text, "text");
  const fail = (message: string): never => {
    throw new ChainruleError("data", `text: ${message}`);
  };
  const { tokens, input } = shapesOf(model);
  if (!tokens) return fail("the model takes numbers, not tokens");
  if (text.dtype !== "i32" || text.shape.length !== 1)
    fail(`must be i32 [tokens], got ${text.dtype} ${shapeText(text.shape)}`);
  const at = text.data.findIndex((token) => !(token >= 0 && token < tokens.count));
  if (at >= 0) fail(`token ${text.data[at]} at place ${at} is outside the vocabulary of ${tokens.count}`);
  return { length: input[0]!, windows: rows, seed };
}

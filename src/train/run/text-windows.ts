import { ChainruleError } from "../../core/errors.ts";
import { shapeText } from "../../core/ndarray.ts";
import type { Graph, Tensor } from "../../graph/graph.ts";
import type { Assembled } from "../../nn/assemble.ts";
import type * as Lazy from "../../ops/lazy.ts";
import type { Batch } from "./gradient-graph.ts";

/**
 * Draws windows of a text, a variable i32 [tokens], for the rows of an index: of `windows` that lie side by side. Throws
 * ChainruleError "data" for a text that is none, or is not the model's.
 */
export function windowsOf(
  g: Graph,
  { tokenWindows }: Pick<typeof Lazy, "tokenWindows">,
  text: Tensor,
  { tokens, input }: Assembled,
  windows: number,
  seed: number,
) {
  const { dtype, shape, data } = text.initial!;
  const fail = (message: string): never => {
    throw new ChainruleError("data", `text: ${message}`);
  };
  if (!tokens) return fail("the model takes numbers, not tokens");
  if (dtype !== "i32" || shape.length !== 1) fail(`must be i32 [tokens], got ${dtype} ${shapeText(shape)}`);
  const at = data.findIndex((token) => !(token >= 0 && token < tokens.count));
  if (at >= 0) fail(`token ${data[at]} at place ${at} is outside the vocabulary of ${tokens.count}`);
  const attrs = { length: input[0]!, windows, seed };
  return (index: Tensor, cursor: Tensor): Batch => {
    const [x, y] = g.add(tokenWindows, [text, index, cursor], attrs, ["batch x", "batch y"]);
    return { x: x!, y: y!, lengths: null, cursor };
  };
}

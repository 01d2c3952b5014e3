import type { Trainer, WeightsOptions } from "../trainer.ts";
import { generateTokens } from "./generate.ts";
import type { GenerateOptions } from "./sampling.ts";

/**
 * Tokens that a trainer's net, whose steps predict the next one, writes behind a prompt, with the weights as they are when
 * it begins; drawn by a seed of its own, so the run does not notice. Throws ChainruleError "model" for a net that does not
 * write, "usage" and "data" for options that cannot be meant.
 *
 * @example
 * for await (const token of generate(trainer, { prompt: tokenizer.encode("It was"), tokens: 100 })) {
 *   text += decoder.push(token);
 * }
 */
export async function* generate(
  trainer: Trainer,
  options: GenerateOptions & Pick<WeightsOptions, "weights">,
): AsyncGenerator<number, void> {
  const { weights: which, ...rest } = options;
  const weights = await trainer.parameters(which);
  yield* generateTokens(trainer.backend, trainer.options.model, weights, rest);
}

import { requireCount, requireKnownFields } from "../../core/arguments.ts";
import { ChainruleError } from "../../core/errors.ts";
import { STREAM, uniform } from "../../core/philox.ts";

/** How the next token is chosen from what the net makes of all. */
export interface SamplingOptions {
  /** What logits are divided by: below 1 the likely ones win more, 0 always takes the likeliest. 1 by default. */
  readonly temperature?: number;
  /** Only so many of the likeliest are chosen from; all by default. */
  readonly topK?: number;
  /** Only the fewest of the likeliest that have this probability together, above 0 and at most 1; all by default. */
  readonly topP?: number;
  /** Decides what is drawn, 0 to 2^32 - 1: the same seed, the same text. 1 by default. */
  readonly seed?: number;
}

/** What the options are called where they come from. */
type Called = Readonly<Record<keyof SamplingOptions, string>>;
const OWN: Called = { temperature: "temperature", topK: "topK", topP: "topP", seed: "seed" };

/** Throws ChainruleError "usage" for what cannot be meant. */
export function checkSampling(options: SamplingOptions, called: Called = OWN): void {
  const { temperature = 1, topK, topP, seed = 1 } = options;
  if (!(temperature >= 0 && Number.isFinite(temperature)))
    throw new ChainruleError(
      "usage",
      `${called.temperature} must be at least 0 (0 takes the likeliest), got ${temperature}`,
    );
  if (topK !== undefined) requireCount(called.topK, topK);
  if (topP !== undefined && !(topP > 0 && topP <= 1))
    throw new ChainruleError("usage", `${called.topP} must be above 0 and at most 1, got ${topP}`);
  requireCount(called.seed, seed, 0, 2 ** 32 - 1);
}

/**
 * The token that is drawn `draw`-th, counted from 0, from its logits. Nothing but these numbers decides: words of random
 * bits belong to (seed, draw). Of equal logits the first counts as the likelier.
 */
export function sampleToken(logits: ArrayLike<number>, options: SamplingOptions, draw: number): number {
  const { temperature = 1, topK, topP, seed = 1 } = options;
  let best = 0;
  for (let i = 0; i < logits.length; i++) {
    if (!Number.isFinite(logits[i]!)) {
      const what = `the net gives ${logits[i]} for token ${i}, so none can be chosen`;
      throw new ChainruleError("not-finite", `${what}: look at its weights`);
    }
    if (logits[i]! > logits[best]!) best = i;
  }
  if (temperature === 0) return best;
  const top = logits[best]!;
  const weights = Float64Array.from(logits, (v) => Math.exp((v - top) / temperature));
  let order = Array.from(weights.keys());
  if (topK !== undefined || topP !== undefined) order.sort((a, b) => weights[b]! - weights[a]! || a - b);
  if (topK !== undefined) order = order.slice(0, topK);
  const sumOf = (tokens: readonly number[]): number => tokens.reduce((sum, token) => sum + weights[token]!, 0);
  if (topP !== undefined) {
    const wanted = topP * sumOf(order);
    let sum = 0;
    const enough = order.findIndex((token) => {
      sum += weights[token]!;
      return sum >= wanted;
    });
    if (enough >= 0) order = order.slice(0, enough + 1);
  }
  let rest = uniform(seed, STREAM.sampling, draw, 0) * sumOf(order);
  for (const token of order) {
    rest -= weights[token]!;
    if (rest < 0) return token;
  }
  // Rounding may leave a little over: the last that can be drawn at all.
  return order.findLast((token) => weights[token]! > 0)!;
}

/** Options of a text that is written, beside those of sampling. */
export interface GenerateOptions extends SamplingOptions {
  /** Tokens that it goes on from; at least one. */
  readonly prompt: ArrayLike<number>;
  /** How many are to be written. */
  readonly tokens: number;
  /** Whether what steps before came to is kept, where net and backend allow it; true by default. The tokens are the same. */
  readonly cache?: boolean;
  /** A token after which nothing more is written; none by default. */
  readonly stopAt?: number;
  /** Stops between two tokens: no error, there are just no more. */
  readonly signal?: AbortSignal | undefined;
}

const fields: Readonly<Record<keyof GenerateOptions, true>> = {
  ...{ prompt: true, tokens: true, temperature: true, topK: true, topP: true, seed: true },
  ...{ cache: true, stopAt: true, signal: true },
};

/** Throws ChainruleError "usage" for what cannot be meant, "data" for a prompt outside a vocabulary of `count`. */
export function checkGenerate(options: GenerateOptions, count: number): void {
  requireKnownFields("generate", options, Object.keys(fields));
  checkSampling(options);
  requireCount("tokens", options.tokens);
  const { prompt } = options;
  if (!prompt || typeof prompt === "string" || !(prompt.length > 0))
    throw new ChainruleError("usage", "prompt: at least one token is needed, as a list of whole numbers");
  for (let i = 0; i < prompt.length; i++) {
    const token = prompt[i]!;
    if (Number.isInteger(token) && token >= 0 && token < count) continue;
    const range = `outside the vocabulary of ${count}: 0 to ${count - 1}`;
    throw new ChainruleError("data", `prompt: token ${token} at place ${i} is ${range}`);
  }
}

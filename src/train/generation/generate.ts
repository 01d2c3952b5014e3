import type { Backend } from "../../backend/executor.ts";
import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, ndarray } from "../../core/ndarray.ts";
import { loadLayerTypes } from "../../nn/layers/registry.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { Predictor } from "../evaluation/predictor.ts";
import { checkGenerate, type GenerateOptions, sampleToken } from "./sampling.ts";
import { writerOf } from "./writer.ts";

type Weights = ReadonlyMap<string, NdArray>;

/** Gives the logits of the token behind a text. */
export interface NextToken {
  /** [vocabulary], for the token behind `text`. */
  logits(text: readonly number[]): Promise<ArrayLike<number>>;
  dispose(): void;
}

/**
 * Tokens that a net writes behind a prompt, one by one. Of a text longer than its window it sees the end, half a window
 * at least. Throws ChainruleError "model" for a net that does not write, or whose steps see those behind them; "usage" and
 * "data" for options that cannot be meant.
 */
export async function* generateTokens(
  backend: Backend,
  model: ModelSpec,
  weights: Weights,
  options: GenerateOptions,
): AsyncGenerator<number, void> {
  await loadLayerTypes(model);
  const { length, count } = writerOf(model);
  checkGenerate(options, count);
  const text: number[] = Array.from(options.prompt);
  const next = await openNext(backend, model, weights, options.cache ?? true);
  try {
    for (let draw = 0; draw < options.tokens && !options.signal?.aborted; draw++) {
      const token = sampleToken(await next.logits(seenOf(text, length)), options, draw);
      text.push(token);
      yield token;
      if (token === options.stopAt) return;
    }
  } finally {
    next.dispose();
  }
}

/**
 * What the net sees of a text. One longer than its window begins at a multiple of half of it: every step stands elsewhere
 * when the window moves, and all are worked out again, so it moves by a half and not with every token.
 */
function seenOf(text: readonly number[], length: number): readonly number[] {
  const half = Math.max(1, Math.floor(length / 2));
  return text.length <= length ? text : text.slice(Math.ceil((text.length - length) / half) * half);
}

/** A text goes through at once, and then step by step, as far as the net allows it; again when the window has moved. */
async function openNext(backend: Backend, model: ModelSpec, weights: Weights, cache: boolean): Promise<NextToken> {
  if (cache) {
    const { isStepwise, StepByStep } = await import("./step-by-step.ts");
    if (isStepwise(model)) return StepByStep.create(backend, model, weights);
  }
  return openWindows(backend, model, weights);
}

/** Computes the whole window for every token. */
async function openWindows(backend: Backend, model: ModelSpec, weights: Weights): Promise<NextToken> {
  const { length, count } = writerOf(model);
  const row = (text: readonly number[], padding: number): NdArray => {
    const padded = new Int32Array(length).fill(padding);
    padded.set(text);
    return ndarray([1, length], "i32", padded);
  };
  const predictor = await Predictor.create(backend, model, weights, row([], 0));
  const at = async (x: NdArray, step: number): Promise<ArrayLike<number>> => {
    const { data } = await predictor.run(null, x);
    return data.slice(step * count, (step + 1) * count);
  };
  let checked = length === 1 || count === 1;
  return {
    async logits(text) {
      const step = text.length - 1;
      const found = await at(row(text, 0), step);
      if (!checked) {
        checked = true;
        await requireCausal(at, row(text, 0), Math.min(step, length - 2), count);
      }
      return found;
    },
    dispose: () => predictor.dispose(),
  };
}

/** Throws where what the net gives at a step changes with the tokens behind it, which a text to be written has not. */
async function requireCausal(
  at: (x: NdArray, step: number) => Promise<ArrayLike<number>>,
  x: NdArray,
  step: number,
  count: number,
): Promise<void> {
  const other = ndarray(x.shape, "i32", Int32Array.from(x.data));
  for (let i = step + 1; i < other.data.length; i++) other.data[i] = (other.data[i]! + 1) % count;
  const [one, two] = [await at(x, step), await at(other, step)];
  for (let i = 0; i < count; i++) {
    if (one[i] === two[i]) continue;
    const advice = "attention must be causal, recurrent layers must go one way, and nothing may mix steps";
    throw new ChainruleError("model", `generate: what the net gives at a step depends on those behind it: ${advice}`);
  }
}

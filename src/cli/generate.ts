import { statSync } from "node:fs";
import { ChainruleError } from "../core/errors.ts";
import { parsePreprocessing } from "../data/preprocessing.ts";
import type { Tokenizer } from "../data/text/tokenizer.ts";
import { tokenizerOf } from "../data/text/tokenizer-record.ts";
import { parseJson } from "../io/json/parse.ts";
import { generateTokens } from "../train/generation/generate.ts";
import { checkSampling, type SamplingOptions } from "../train/generation/sampling.ts";
import { writerOf } from "../train/generation/writer.ts";
import { adapterOption, mergedStart, recordBeside } from "./adapter-flags.ts";
import { backendChoices, openBackend } from "./backend.ts";
import { readBytes } from "./files.ts";
import { print } from "./output.ts";
import { loadModel } from "./sources.ts";
import { choiceFlag, countFlag, numberFlag, parse, requiredFile } from "./usage.ts";
import { weightsOptions } from "./weights-flags.ts";

const help = `Usage: chainrule generate <model.json|preset> --weights W.safetensors --prompt "It was"

Goes on from a text, a token at a time, with a net that \`chainrule train\` has taught one. The tokenizer is the one that
train --save wrote beside the weights, in W.safetensors.json.

  --weights <file>          parameters: .safetensors, .npz or PyTorch's .pt
  --match-weights, --weights-key
                            as for train
  --adapter <folder>        a low-rank adapter beside the weights, as train --lora or PEFT saved it
  --prompt <text>           what is gone on from; at least one token
  --tokens <N>              how many are written (default 200)
  --temperature <X>         what logits are divided by (default 1): below 1 the likely ones win more, 0 always takes the
                            likeliest
  --top-k <N>               choose from the N likeliest only
  --top-p <X>               choose from the fewest that have this probability together, above 0 and at most 1
  --seed <N>                the same seed, the same text (default 1)
  --no-cache                work the whole window out for every token, instead of keeping what steps before came to
  --preprocessing <file>    another record than the one beside the weights
  --backend <B>             cpu (default: one token after the other keeps no GPU busy), auto, webgpu or reference
  --json                    print prompt, text and tokens as JSON, at the end`;

const options = {
  ...weightsOptions,
  ...adapterOption,
  prompt: { type: "string" },
  tokens: { type: "string" },
  temperature: { type: "string" },
  "top-k": { type: "string" },
  "top-p": { type: "string" },
  seed: { type: "string" },
  "no-cache": { type: "boolean" },
  preprocessing: { type: "string" },
  backend: { type: "string" },
} as const;

/** Exit status after Ctrl-C, as shells have it. */
const INTERRUPTED = 130;
/** Largest record: that of a tokenizer.json holds all of it. */
const MAX_RECORD = 2 ** 26;

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options, [1, 1]);
  if (values.help) {
    print(help);
    return 0;
  }
  const { model: given } = loadModel(positionals[0]!);
  const { count } = writerOf(given);
  const weightsFile = requiredFile("weights", values.weights);
  const text = promptFlag(values.prompt);
  const tokens = countFlag("tokens", values.tokens) ?? 200;
  const sampling = samplingFlags(values);
  const choice = choiceFlag("backend", values.backend, backendChoices) ?? "cpu";
  const { model, weights } = await mergedStart(values, given);
  const tokenizer = await tokenizerBeside(recordBeside(weightsFile, values.adapter), values.preprocessing, count);
  const prompt = encoded(tokenizer, text);
  const backend = await openBackend(choice);
  const stop = new AbortController();
  const interrupt = (): void => {
    if (stop.signal.aborted) process.exit(INTERRUPTED);
    stop.abort();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  const decoder = tokenizer.decoder();
  const written: number[] = [];
  let shown = "";
  const show = (part: string): void => {
    shown += part;
    if (!values.json) process.stdout.write(part);
  };
  try {
    if (!values.json) process.stdout.write(text);
    const cache = values["no-cache"] !== true;
    const end = tokenizer.end === null ? {} : { stopAt: tokenizer.end };
    const more = { prompt, tokens, ...sampling, ...end, cache, signal: stop.signal };
    for await (const token of generateTokens(backend, model, weights!, more)) {
      if (token === tokenizer.end) break;
      written.push(token);
      show(decoder.push(token));
    }
    show(decoder.end());
    if (!values.json) process.stdout.write("\n");
  } finally {
    backend.dispose();
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
  }
  if (values.json) print(JSON.stringify({ prompt: text, text: shown, tokens: written, backend: backend.description }));
  return stop.signal.aborted ? INTERRUPTED : 0;
}

function promptFlag(text: string | undefined): string {
  if (text === undefined) throw new ChainruleError("usage", "--prompt <text> is missing (see --help)");
  if (text === "") throw new ChainruleError("usage", "--prompt is empty: a net goes on from something");
  if (text.includes("\ufffd") || /\p{Surrogate}/u.test(text))
    throw new ChainruleError("usage", "--prompt is no text: it holds bytes that are no UTF-8");
  return text;
}

function samplingFlags(values: Readonly<Partial<Record<"temperature" | "top-k" | "top-p" | "seed", string>>>) {
  const given = {
    temperature: numberFlag("temperature", values.temperature),
    topK: countFlag("top-k", values["top-k"]),
    topP: numberFlag("top-p", values["top-p"]),
    seed: countFlag("seed", values.seed, 0),
  };
  const sampling = Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined)) as SamplingOptions;
  checkSampling(sampling, { temperature: "--temperature", topK: "--top-k", topP: "--top-p", seed: "--seed" });
  return sampling;
}

/** The tokenizer that was kept beside the weights. */
async function tokenizerBeside(beside: string, named: string | undefined, count: number): Promise<Tokenizer> {
  const path = named ?? beside;
  if (named === undefined && !statSync(path, { throwIfNoEntry: false })) {
    const how = "`chainrule train --save` writes it beside the weights";
    throw new ChainruleError("file", `there is no ${path}, which says how a text becomes tokens: ${how}`);
  }
  const { tokenizer } = parsePreprocessing(path, parseJson(path, readBytes(path), { maxBytes: MAX_RECORD }));
  if (!tokenizer) throw new ChainruleError("file", `${path}: it has no "tokenizer": the net did not learn a text`);
  const made = await tokenizerOf(path, tokenizer);
  if (made.size === count) return made;
  throw new ChainruleError(
    "file",
    `${path}: its tokenizer has ${made.size} tokens, the model's vocabulary is ${count}`,
  );
}

function encoded(tokenizer: Tokenizer, text: string): Int32Array {
  try {
    return tokenizer.encode(text);
  } catch (error) {
    if (!(error instanceof ChainruleError)) throw error;
    throw new ChainruleError(error.code, `--prompt: ${error.message}`, { cause: error });
  }
}

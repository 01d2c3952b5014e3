import { ChainruleError } from "../../core/errors.ts";
import { brief } from "../../core/format.ts";
import { type NdArray, sameShape } from "../../core/ndarray.ts";
import { parseModel } from "../../nn/parse-model.ts";
import type { ImportedNet, ImportOptions } from "../net/net-parts.ts";
import { readSafetensors } from "../safetensors/safetensors.ts";
import { shardsOf } from "../weights/shards.ts";
import { weightsOf } from "../weights/weights.ts";
import { HuggingFaceConfig } from "./config.ts";
import type { HuggingFaceFamily } from "./family.ts";
import { gpt2 } from "./gpt2.ts";
import { llama } from "./llama.ts";
import { HuggingFaceTensors } from "./tensors.ts";

const families: Readonly<Record<string, HuggingFaceFamily>> = {
  gpt2,
  llama: llama("llama"),
  mistral: llama("mistral"),
  qwen2: llama("qwen2"),
};

/** Steps of a row where nobody says: more take long, and a net reads any number up to its own. */
const MOST_STEPS = 1024;

/**
 * A language model out of its config.json and its model.safetensors: GPT-2, and Llama and those made like it (Mistral,
 * Qwen 2), with the names that Hugging Face's transformers gives their parameters. A net that reads tokens i32 [n, t], with a
 * class for each step. Throws ChainruleError "file" naming the setting that is not known, or the arrays that do not fit.
 */
export async function readHuggingFace(
  json: Readonly<Record<string, unknown>>,
  tensors: ReadonlyMap<string, NdArray>,
  options: ImportOptions = {},
): Promise<ImportedNet> {
  const kind = json.model_type as string;
  const config = new HuggingFaceConfig(json);
  if (!Object.hasOwn(families, kind)) {
    config.refuse(`"model_type" is ${brief(kind)}; ${Object.keys(families).join(", ")} are read`);
  }
  if (options.loss !== undefined && options.loss !== "crossEntropy") {
    throw new ChainruleError("usage", `a language model is trained with crossEntropy, not ${options.loss}`);
  }
  const { prefix, aside, read } = families[kind]!;
  const { layers, positions, put, notes = [] } = read(config);
  const steps = options.steps ?? Math.min(positions, MOST_STEPS);
  if (steps > positions) {
    throw new ChainruleError("usage", `${steps} steps: the net was made for ${positions} at most`);
  }
  const taken = new HuggingFaceTensors(tensors, prefix, aside);
  put(taken);
  const own = new Map(taken.done());
  const model = parseModel({ input: [steps], layers, loss: "crossEntropy" });
  requireTied(own, model.layers.at(-1)!);
  const unread = config.unread();
  return {
    model,
    weights: weightsOf(own, model),
    notes: [
      ...notes,
      ...(options.steps === undefined && positions > steps
        ? [`rows have ${steps} steps; --steps takes up to ${positions}`]
        : []),
      ...(unread.length > 0 ? [`settings that were not looked at: ${unread.join(", ")}`] : []),
    ],
  };
}

/** A head under a name of its own beside a tied embedding: one of the two is enough, where they agree. */
function requireTied(own: Map<string, NdArray>, head: { readonly type: string; readonly to?: string }): void {
  if (head.type !== "tiedLinear") return;
  const [copy, value] = [own.get("lm_head.weight"), own.get(`${head.to}.weight`)!];
  own.delete("lm_head.weight");
  if (copy && (!sameShape(copy.shape, value.shape) || copy.data.some((v, i) => v !== value.data[i]))) {
    throw new ChainruleError(
      "file",
      `weights: "lm_head.weight" differs from the embedding, and the config says that they are one ("tie_word_embeddings")`,
    );
  }
}

const WHOLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/** The arrays that lie beside a config.json: in one file, or in several that an index names. */
export async function tensorsBeside(read: (file: string) => Promise<Uint8Array>): Promise<Map<string, NdArray>> {
  let index: Uint8Array;
  try {
    return readSafetensors(await read(WHOLE)).tensors;
  } catch (cause) {
    if (!(cause instanceof ChainruleError)) throw cause;
    // Where there is no index either, it is the whole file that people miss.
    index = await read(INDEX).catch(() => Promise.reject(cause));
  }
  return shardsOf(INDEX, index, read);
}

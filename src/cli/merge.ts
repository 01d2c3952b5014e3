import { statSync } from "node:fs";
import { join } from "node:path";
import { ChainruleError } from "../core/errors.ts";
import { readHuggingFace, tensorsBeside } from "../io/huggingface/read.ts";
import { mergeIntoTensors } from "../io/peft/merge.ts";
import { writeSafetensors } from "../io/safetensors/safetensors.ts";
import { writeTensors } from "../io/weights/tensor-file.ts";
import { weightTensors } from "../io/weights/weights.ts";
import { adapterAt, adapterOption, mergedStart } from "./adapter-flags.ts";
import { makeFolder, readBeside, readJson, requireWritable, writeWhole } from "./files.ts";
import { print } from "./output.ts";
import { loadModel } from "./sources.ts";
import { parse, requiredFile } from "./usage.ts";
import { weightsOptions } from "./weights-flags.ts";

const help = `Usage: chainrule merge <model.json|preset> --weights W.safetensors --adapter A --out M.safetensors
       chainrule merge <folder> --adapter A --out <folder>

Adds a low-rank adapter (LoRA) to the weights that it was trained beside: W + (alpha / rank) B A. What comes out computes,
to rounding, what both did, and needs no adapter.

  <folder>             a language model of Hugging Face: config.json with model.safetensors; the folder of --out gets a
                       config.json and a model.safetensors of the same names, in f32
  --weights <file>     the weights that were adapted, .safetensors, .npz or PyTorch's .pt
  --match-weights, --weights-key
                       as for train
  --adapter <folder>   adapter_config.json and adapter_model.safetensors, as chainrule train --lora and PEFT write them
  --out <file>         the weights merged, .safetensors, or .npz by that ending
  --json               print what was merged as JSON`;

const options = { ...weightsOptions, ...adapterOption, out: { type: "string" } } as const;

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options, [1, 1]);
  if (values.help) {
    print(help);
    return 0;
  }
  const source = positionals[0]!;
  const adapter = requiredFile("adapter", values.adapter);
  const out = requiredFile("out", values.out);
  if (statSync(source, { throwIfNoEntry: false })?.isDirectory()) {
    if (values.weights !== undefined) throw new ChainruleError("usage", "--weights: the folder has its own");
    await mergeFolder(source, adapter, out);
  } else {
    requiredFile("weights", values.weights);
    requireWritable(out);
    const { model, weights } = await mergedStart(values, loadModel(source).model);
    writeWhole(out, writeTensors(out, weightTensors(model, weights!)));
  }
  print(values.json ? JSON.stringify({ out, adapter }) : `${adapter} is merged into ${out}`);
  return 0;
}

async function mergeFolder(source: string, adapter: string, out: string): Promise<void> {
  const config = readJson(join(source, "config.json")) as Record<string, unknown>;
  const tensors = await tensorsBeside(async (file) => readBeside(join(source, "config.json"), file));
  const { model } = await readHuggingFace(config, tensors);
  const merged = mergeIntoTensors(tensors, model, ...(await adapterAt(adapter)));
  makeFolder(out);
  const plain = Object.fromEntries(
    ["torch_dtype", "dtype"].flatMap((key) => (key in config ? [[key, "float32"]] : [])),
  );
  // Weights first: a config without them would look whole.
  writeWhole(join(out, "model.safetensors"), writeSafetensors(merged, { format: "pt" }));
  writeWhole(join(out, "config.json"), `${JSON.stringify({ ...config, ...plain }, null, 2)}\n`);
}

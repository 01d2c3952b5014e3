import { writeOnnx } from "../io/onnx/write.ts";
import { initialise } from "../nn/initialise.ts";
import { isAdapted } from "../nn/lora.ts";
import { requireWritable, writeWhole } from "./files.ts";
import { note, print } from "./output.ts";
import { loadModel } from "./sources.ts";
import { countFlag, parse } from "./usage.ts";
import { weightsFlags, weightsIn, weightsOptions } from "./weights-flags.ts";

export const help = `Usage: chainrule export <model.json|preset> --to onnx <file> [options]

Writes a net as an ONNX file (opset 17), from "input" [batch, in] to "output" [batch, out], without dropout:
what every ONNX runtime computes, and chainrule import takes back whole. Low-rank adapters are merged into the
weights beside them. Layers of your own code (custom) are refused, since no file holds code.

  --weights <file>   .safetensors or .npz, as train --save writes them, or PyTorch's .pt; drawn from the seed by
                     default; --match-weights and --weights-key as for train
  --lengths          a second input, "lengths" int64 [batch]: how many steps of each row count, for recurrences, lastStep and
                     meanSteps; there by itself where an attention has the mask "lengths"
  --seed <N>         which weights are drawn (default: the preset's, else 1)
  --json             what was written as JSON`;

const options = { ...weightsOptions, seed: { type: "string" }, lengths: { type: "boolean" } } as const;

export async function run(path: string, args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options, [1, 1]);
  const { model, preset } = loadModel(positionals[0]!);
  const seed = countFlag("seed", values.seed, 0) ?? preset?.seed ?? 1;
  const tensors = await weightsFlags(values, model);
  const weights = tensors ? weightsIn(values.weights!, tensors, model) : initialise(model, seed, preset?.init);
  requireWritable(path);
  const bytes = writeOnnx(model, weights, values.lengths ? { lengths: true } : {});
  writeWhole(path, bytes);
  if (isAdapted(model)) note("its low-rank adapters are merged into the weights that they stand beside");
  if (!tensors) note(`no --weights: these are drawn from seed ${seed}, and not trained`);
  print(values.json ? JSON.stringify({ out: path, bytes: bytes.length }) : `${path}: ONNX, ${bytes.length} bytes`);
  return 0;
}

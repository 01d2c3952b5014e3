import { ChainruleError } from "../core/errors.ts";
import type { NdArray } from "../core/ndarray.ts";
import { weightsOf } from "../io/weights.ts";
import { initialise } from "../nn/initialise.ts";
import type { ModelSpec } from "../nn/model.ts";
import { exportOnnx } from "./export-onnx.ts";
import { tensorsAt } from "./files.ts";
import { note, print } from "./output.ts";
import { loadModel } from "./sources.ts";
import { choiceFlag, countFlag, parse } from "./usage.ts";

/** What a net can be written as: each writes to a path, and says what it wrote. */
const targets = {
  onnx: exportOnnx,
} as const satisfies Record<string, (path: string, model: ModelSpec, weights: ReadonlyMap<string, NdArray>) => string>;

const help = `Usage: chainrule export --to onnx <FILE> <model.json|preset> [options]

Writes a net for other programs: an ONNX file (opset 17), which any ONNX runtime computes and
chainrule import takes back.

  --weights <file>   .safetensors or .npz, as train --save writes them; drawn from the seed by default
  --seed <N>         which weights are drawn (default 1)
  --json             print what was written as JSON`;

const options = { to: { type: "string" }, weights: { type: "string" }, seed: { type: "string" } } as const;

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options, [0, 2]);
  if (values.help) {
    print(help);
    return 0;
  }
  const to = choiceFlag("to", values.to, Object.keys(targets) as (keyof typeof targets)[]);
  if (to === undefined)
    throw new ChainruleError("usage", `--to is missing; it can be ${Object.keys(targets).join(", ")}`);
  const [path, source] = positionals;
  if (path === undefined || source === undefined) {
    throw new ChainruleError(
      "usage",
      `where to write, and a model or preset, are needed: export --to ${to} <FILE> <model>`,
    );
  }
  const { model } = loadModel(source);
  const seed = countFlag("seed", values.seed, 0) ?? 1;
  const weights =
    values.weights === undefined ? initialise(model, seed) : weightsOf(await tensorsAt(values.weights), model);
  if (values.weights === undefined) note(`no --weights: these are drawn from seed ${seed}, and trained on nothing`);
  const said = targets[to](path, model, weights);
  print(values.json ? JSON.stringify({ to, out: path }) : said);
  return 0;
}

import type { Backend } from "../backend/executor.ts";
import { ChainruleError } from "../core/errors.ts";
import type { NdArray } from "../core/ndarray.ts";
import { writeTensors } from "../io/weights/tensor-file.ts";
import { parameterTensors } from "../io/weights/weights.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { unpackParameters } from "../nn/parameters.ts";
import { fuse } from "../ops/fuse.ts";
import { matchRows } from "../train/data/match-rows.ts";
import type { Rows } from "../train/data/row-source.ts";
import { gradientGraph } from "../train/run/gradient-graph.ts";
import { backendChoices, openExact } from "./backend.ts";
import { requireWritable, tensorsAt, writeWhole } from "./files.ts";
import { print } from "./output.ts";
import { loadModelFor } from "./sources.ts";
import { choiceFlag, countFlag, parse, requiredFile } from "./usage.ts";
import { weightsFlags, weightsIn, weightsOptions } from "./weights-flags.ts";

const help = `Usage: chainrule grad <model.json> --weights W --batch B --out G

Computes loss and gradients of one batch. Files are .safetensors, or .npz by that ending.

  --weights <file>   parameters, named as in PyTorch's nn.Sequential, F32 or F64; also PyTorch's own .pt, with
                     --match-weights and --weights-key as for train
  --batch <file>     x, F32 or F64 [n, in]; y, targets of either [n, out] or I32 class indices [n]
  --out <file>       loss, and each gradient under its parameter's name
  --backend <B>      auto (default), webgpu (writes F32) or cpu and reference (compute and write F64)
  --seed <N>         dropout masks (default 1)
  --json             print the loss as JSON`;

const options = {
  ...weightsOptions,
  batch: { type: "string" },
  out: { type: "string" },
  backend: { type: "string" },
  seed: { type: "string" },
} as const;

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options, [1, 1]);
  if (values.help) {
    print(help);
    return 0;
  }
  const { model } = await loadModelFor(positionals[0]!, async () => {
    const x = (await tensorsAt(requiredFile("batch", values.batch))).get("x");
    return x && x.shape.length > 1 ? x.shape.slice(1) : null;
  });
  const choice = choiceFlag("backend", values.backend, backendChoices) ?? "auto";
  const seed = countFlag("seed", values.seed, 0) ?? 1;
  const out = requiredFile("out", values.out);
  requiredFile("weights", values.weights);
  const tensors = (await weightsFlags(values, model))!;
  const { x, y } = batchOf(await tensorsAt(requiredFile("batch", values.batch)), model);
  const weights = weightsIn(values.weights!, tensors, model, "f64");
  requireWritable(out);
  const backend = await openExact(choice);
  const { loss, gradients } = await lossAndGradients(backend, model, weights, { x, y }, seed);
  writeWhole(out, writeTensors(out, [["loss", { ...loss, shape: [] }], ...parameterTensors(model, gradients)]));
  print(
    values.json
      ? JSON.stringify({ loss: loss.data[0], out, backend: backend.description })
      : `loss ${loss.data[0]}; gradients in ${out}`,
  );
  return 0;
}

/** x, y and, where there are any, lengths of a batch file, checked against the model. */
function batchOf(tensors: ReadonlyMap<string, NdArray>, model: ModelSpec): Rows {
  const x = tensors.get("x");
  const y = tensors.get("y");
  if (!x || !y) throw new ChainruleError("file", `batch: tensor "${x ? "y" : "x"}" is missing; a batch holds x and y`);
  const lengths = tensors.get("lengths");
  return matchRows(model, { x, y, ...(lengths && { lengths }) }, "batch");
}

async function lossAndGradients(
  backend: Backend,
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  { x, y, lengths }: Rows,
  seed: number,
): Promise<{ loss: NdArray; gradients: Map<string, NdArray> }> {
  const g = await gradientGraph(model, weights, x, y, {
    seed,
    maxBufferSize: backend.limits.maxBufferSize,
    ...(lengths && { lengths }),
  });
  const executor = await backend.compile(g.graph, { nodes: fuse(g.graph), onChip: false });
  try {
    const [loss, ...flats] = await executor.run(1, [g.loss, ...g.flatGradients]);
    return { loss: loss!, gradients: unpackParameters(g.groups, flats) };
  } finally {
    executor.dispose();
  }
}

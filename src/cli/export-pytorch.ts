import { join } from "node:path";
import { exportPytorch } from "../io/pytorch/export.ts";
import { openTrainer } from "./backend.ts";
import { sayData } from "./data-summary.ts";
import { makeFolder, requireWritable, writeWhole } from "./files.ts";
import { print } from "./output.ts";
import { planOf, trainOptions } from "./train-plan.ts";
import { parse } from "./usage.ts";

export const help = `Usage: chainrule export <model.json|preset> --to pytorch <folder> [options]

Writes a run as files with which PyTorch goes on, step for step: model.py (nn.Sequential), train.py (one
process, or many with torchrun), weights, optimizer state and data in safetensors, and the rule by which rows
are drawn. They need torch and numpy, no more: python3 train.py --steps 1000.

  --steps <N> | --epochs <N>
                         steps to train first (default: none, the weights as they begin)
  --data, --label, --test-fraction, --weights, --match-weights, --weights-key, --init, --batch, --optimizer, --lr,
  --momentum, --nesterov, --weight-decay, --schedule, --clip, --seed, --backend, --on-lost
                         as for train; a cosine schedule without steps spans the steps trained here
  --json                 the names of the files as JSON`;

const { log, "log-every": every, save, ...options } = trainOptions;
void [log, every, save];

/** What an export consists of, for finding out early whether it can be written. */
const FIRST_FILE = "train.py";

export async function run(folder: string, args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options, [1, 1]);
  const plan = await planOf(values, positionals[0]!);
  const steps = values.steps === undefined && values.epochs === undefined ? 0 : plan.steps;
  makeFolder(folder);
  requireWritable(join(folder, FIRST_FILE));
  sayData(plan.summary);
  const trainer = await openTrainer(plan.backend, plan.trainer, plan.onLost);
  try {
    let loss: number | null = null;
    if (steps > 0) for await (const metrics of trainer.run({ steps, logEvery: steps })) loss = metrics.loss;
    const files = exportPytorch(trainer.options, await trainer.state());
    for (const [name, content] of files) writeWhole(join(folder, name), content);
    if (values.json) print(JSON.stringify({ steps, loss, folder, files: [...files.keys()] }));
    else
      print(`${steps} steps${loss === null ? "" : `, loss ${loss}`}; go on with python3 ${join(folder, "train.py")}`);
  } finally {
    trainer.dispose();
  }
  return 0;
}

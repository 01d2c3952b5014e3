import { join } from "node:path";
import { writeNpz } from "../io/numpy/npz.ts";
import { makeReceipt } from "../io/receipt/receipt.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { randomBatch } from "../nn/random-batch.ts";
import type { Rows } from "../train/data/row-source.ts";
import { openExact } from "./backend.ts";
import { sayData } from "./data-summary.ts";
import { makeFolder, requireWritable, writeWhole } from "./files.ts";
import { print } from "./output.ts";
import { planOf, trainOptions } from "./train-plan.ts";
import { countFlag, parse } from "./usage.ts";

const help = `Usage: chainrule receipt <model.json|preset> [options]

Computes the first training step of a run and writes every number of it for others to check: receipt.npz
(batch, weights, each value, each derivative, each gradient, the new weights, the loss) and receipt.py, which
computes them again in plain numpy and prints the differences: python3 receipt.py.

  --out <folder>         where to write (default: this one); made if it is not there
  --data <preset|file>   as for train; drawn from the seed by default
  --label, --test-fraction, --weights, --match-weights, --weights-key, --init, --batch, --optimizer, --lr,
  --momentum, --nesterov, --weight-decay, --schedule, --clip, --seed
                         as for train, whose first step this is
  --backend <B>          what computes it: auto (default), webgpu (in f32), cpu or reference (in f64)
  --json                 names and shapes as JSON`;

const { steps, epochs, log, "log-every": every, save, "on-lost": lost, ...shared } = trainOptions;
void [steps, epochs, log, every, save, lost];
const options = { ...shared, out: { type: "string" } } as const;

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options, [1, 1]);
  if (values.help) {
    print(help);
    return 0;
  }
  const { out = ".", ...flags } = values;
  const rows = countFlag("batch", values.batch === "full" ? undefined : values.batch) ?? 32;
  const drawn = (model: ModelSpec, seed: number): Rows => randomBatch(model, rows, seed);
  const plan = await planOf(flags, positionals[0]!, { drawn, digits: "f64" });
  const [npz, script] = ["receipt.npz", "receipt.py"].map((name) => join(out, name)) as [string, string];
  makeFolder(out);
  for (const path of [npz, script]) requireWritable(path);
  sayData(plan.summary);
  const backend = await openExact(plan.backend);
  const receipt = await makeReceipt(backend, plan.trainer);
  backend.dispose();
  writeWhole(npz, writeNpz(receipt.arrays));
  writeWhole(script, receipt.script);
  const loss = receipt.arrays.get("loss")!.data[0]!;
  if (values.json) {
    const arrays = Object.fromEntries([...receipt.arrays].map(([name, { shape }]) => [name, shape]));
    print(JSON.stringify({ loss, backend: backend.description, npz, script, arrays }));
  } else {
    print(`loss ${loss}; ${receipt.arrays.size} arrays in ${npz}; check them: python3 ${script}`);
  }
  return 0;
}

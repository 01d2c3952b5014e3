import { torchLayer, torchLosses, torchOptimizers } from "../../io/pytorch-names.ts";
import type { ModelSpec } from "../../nn/model.ts";
import { trainingPresets } from "../../nn/presets.ts";
import { OWN, type Settings } from "../state/settings.ts";

/** Steps that the snippets take: enough to see it learn. */
const STEPS = 2000;

/** A model as its file has it: a layer a line. */
function modelText(model: ModelSpec, indent: string): string {
  const layers = model.layers.map((l) => `${indent}  ${JSON.stringify(l)},`);
  return `{\n${indent}"layers": [\n${layers.join("\n").replace(/,$/, "")}\n${indent}],\n${indent}"loss": ${JSON.stringify(model.loss)}\n}`;
}

const batchOf = (s: Settings): string => (s.batch === "full" ? '"full"' : String(s.batch));

/** The library, in Node or a browser. */
export function libraryCode(s: Settings, model: ModelSpec): string {
  const init = trainingPresets[s.data]?.init;
  const data =
    s.data === OWN
      ? `import { readFile } from "node:fs/promises";
import { loadDataFile } from "chainrule/io";

const data = await loadDataFile("data.csv", await readFile("data.csv"));
const test = null;`
      : `const read = async (file: string) => new Uint8Array(await (await fetch(\`data/\${file}\`)).arrayBuffer());
const { train: data, test } = await dataPreset("${s.data}").load(read, { seed: ${s.seed} });`;
  return `import { chooseTrainer, cpuBackend, dataPreset, parseModel, webgpuBackend } from "chainrule";
import { createNodeGpu } from "chainrule/node"; // in a browser: navigator.gpu

${data}
const model = parseModel(${modelText(model, "  ")});
const gpu = await createNodeGpu().then(webgpuBackend, () => null);
const cpu = await cpuBackend();
const { trainer } = await chooseTrainer(gpu ? [gpu, cpu] : [cpu], {
  model,
  data,
  test,
  batch: ${batchOf(s)},
  seed: ${s.seed},${init ? `\n  init: "${init}",` : ""}
  optimizer: { type: "${s.optimizer}", lr: ${s.lr} },
});
for await (const { step, loss } of trainer.run({ steps: ${STEPS}, logEvery: 200 })) console.log(step, loss);
console.log(await trainer.evaluate(test ? "test" : "train"), trainer.backend.description);
`;
}

/** A model file and the command that trains it. */
export function commandCode(s: Settings, model: ModelSpec): string {
  const init = trainingPresets[s.data]?.init;
  const flags = [
    `--data ${s.data === OWN ? "data.csv" : s.data}`,
    `--batch ${s.batch}`,
    `--optimizer ${s.optimizer}`,
    `--lr ${s.lr}`,
    `--seed ${s.seed}`,
    ...(init ? [`--init ${init}`] : []),
    `--steps ${STEPS}`,
  ];
  return `cat > model.json <<'END'
${modelText(model, "  ")}
END
npx chainrule train model.json ${flags.join(" ")}
`;
}

/** The same net and step in PyTorch. */
export function torchCode(s: Settings, model: ModelSpec): string {
  const full = s.batch === "full";
  return `import torch
from torch import nn

torch.manual_seed(${s.seed})
model = nn.Sequential(
${model.layers.map((l) => `    ${torchLayer(l)},`).join("\n")}
)
loss_of = ${torchLosses[model.loss]}
optimizer = torch.optim.${torchOptimizers[s.optimizer]}(model.parameters(), lr=${s.lr})

# x: float32 [rows, ${"in" in model.layers[0]! ? model.layers[0].in : "inputs"}]; y: ${model.loss === "crossEntropy" ? "int64 [rows]" : "float32 [rows, outputs]"}
for step in range(${STEPS}):
${full ? "    batch_x, batch_y = x, y" : `    rows = torch.randint(len(x), (${s.batch},))\n    batch_x, batch_y = x[rows], y[rows]`}
    optimizer.zero_grad()
    loss = loss_of(model(batch_x), batch_y)
    loss.backward()
    optimizer.step()
    if step % 200 == 0:
        print(step, loss.item())
`;
}

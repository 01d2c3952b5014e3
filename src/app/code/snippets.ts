import { modelPy } from "../../io/pytorch/model-script.ts";
import { torchLayer, torchLosses, torchOptimizers } from "../../io/pytorch/names.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { trainingPresets } from "../../nn/presets.ts";
import { imageNets, OWN, type Settings, type TextForm } from "../state/settings.ts";

/** Steps that the snippets take: enough to see it learn. */
const STEPS = 2000;

/** A model as its file has it: a layer a line. */
function modelText(model: ModelSpec, indent: string): string {
  const layers = model.layers.map((l) => `${indent}  ${JSON.stringify(l)},`);
  const input = model.input ? `${indent}"input": [${model.input.join(", ")}],\n` : "";
  return `{\n${input}${indent}"layers": [\n${layers.join("\n").replace(/,$/, "")}\n${indent}],\n${indent}"loss": ${JSON.stringify(model.loss)}\n}`;
}

const batchOf = (s: Settings): string => (s.batch === "full" ? '"full"' : String(s.batch));

/** A layer as a call of the library's function of its name; one that is not the first has its width from before. */
function layerCall(layer: LayerSpec, first: boolean): string {
  const call = (...args: readonly (string | number | null)[]): string =>
    `${layer.type}(${args.filter((a) => a !== null).join(", ")})`;
  switch (layer.type) {
    case "linear":
      return call(first ? layer.in : null, layer.out, layer.bias ? null : "{ bias: false }");
    case "dropout":
      return call(layer.p);
    case "leakyRelu":
      return call(layer.slope);
    case "elu":
      return call(layer.alpha);
    case "layerNorm":
      return call(first ? Number(layer.size) : null);
    default:
      return call();
  }
}

/** The library, in a page; in Node but for the files. */
export function libraryCode(s: Settings, model: ModelSpec): string {
  const folder = s.data === OWN ? "" : "data/";
  const read = `const read = async (file: string) => new Uint8Array(await (await fetch(\`${folder}\${file}\`)).arrayBuffer());`;
  const init = trainingPresets[s.data]?.init;
  const data = s.text
    ? textCode(s, s.text, read)
    : s.data === OWN
      ? `${read}
const data = await loadDataFile("data.csv", await read("data.csv"));
const test = null;`
      : `${read}
const { train: data, test } = await dataPreset("${s.data}").load(read, { seed: ${s.seed} });`;
  const whole = s.graph !== null;
  const firstWide = model.layers.findIndex((l) => l.type === "linear" || l.type === "layerNorm");
  const layers = model.layers.map((l, i) => `    ${layerCall(l, i === firstWide)},`).join("\n");
  const preset = s.data === OWN || s.text ? [] : ["dataPreset"];
  const io = s.text ? textNames(s, s.text) : s.data === OWN ? ["loadDataFile"] : [];
  const names = ["createTrainer", whole ? "parseModel" : "sequential", ...preset];
  const called = whole ? [] : model.layers;
  for (const { type } of called) if (!names.includes(type)) names.push(type);
  return `import { ${names.sort().join(", ")} } from "chainrule";
${io.length > 0 ? `import { ${io.join(", ")} } from "chainrule/io";\n` : ""}
${data}
const model = ${
    whole
      ? `parseModel(${modelText(model, "  ")})`
      : `sequential(
  [
${layers}
  ],
  { loss: "${model.loss}" },
)`
  };
const trainer = await createTrainer({
  model,
  data,
  test,
  batch: ${batchOf(s)},
  seed: ${s.seed},${init ? `\n  init: "${init}",` : ""}
  optimizer: { type: "${s.optimizer}", lr: ${s.lr} },
  // The fastest of navigator.gpu and the CPU. In Node: gpu: await createNodeGpu(), from "chainrule/node".
});
for await (const { step, loss } of trainer.run({ steps: ${STEPS}, logEvery: 200 })) console.log(step, loss);
console.log(await trainer.evaluate(test ? "test" : "train"), trainer.backend.description);
trainer.dispose();
`;
}

const tokenizerOf = ({ tokens }: TextForm): string => (tokens === "bytes" ? "byteTokenizer" : "characterTokenizer");
const textNames = ({ data }: Settings, form: TextForm): readonly string[] =>
  [tokenizerOf(form), ...(data === OWN ? ["readText"] : ["textPreset"]), "textRows"].sort();

/** A text as windows of tokens. */
function textCode({ data }: Settings, form: TextForm, read: string): string {
  const text =
    data === OWN
      ? `{ name: "text", documents: [readText("text.txt", await read("text.txt"))] }`
      : `await textPreset("${data}", read)`;
  return `${read}
const text = ${text};
const { train: data, test } = await textRows(text, {
  length: ${form.length},
  validation: 0,
  test: 0.1,
  tokenizer: ${tokenizerOf(form)},
});`;
}

/** A model file and the command that trains it. */
export function commandCode(s: Settings, model: ModelSpec): string {
  const init = trainingPresets[s.data]?.init;
  const preset = s.graph && imageNets[s.graph.link] === s.data ? s.graph.link : null;
  const flags = [
    ...(preset ? [] : [`--data ${s.data === OWN ? (s.text ? "text.txt" : "data.csv") : s.data}`]),
    ...(s.text ? [`--tokenizer ${s.text.tokens}`] : []),
    `--batch ${s.batch}`,
    `--optimizer ${s.optimizer}`,
    `--lr ${s.lr}`,
    `--seed ${s.seed}`,
    ...(init ? [`--init ${init}`] : []),
    `--steps ${STEPS}`,
  ];
  if (preset) return `npx chainrule train ${preset} ${flags.join(" ")}\n`;
  return `cat > model.json <<'END'
${modelText(model, "  ")}
END
npx chainrule train model.json ${flags.join(" ")}
`;
}

/** The same net and step in PyTorch. */
export function torchCode(s: Settings, model: ModelSpec): string {
  const full = s.batch === "full";
  const sequence = `from torch import nn

torch.manual_seed(${s.seed})
model = nn.Sequential(
${model.layers.map((l) => `    ${torchLayer(l)},`).join("\n")}
)
loss_of = ${torchLosses[model.loss]}`;
  const whole = (): string => `${modelPy(model)
    .replace(/^"""[\s\S]*?"""\n\n(import torch\n)?/, "")
    .trim()}

torch.manual_seed(${s.seed})
model = build()`;
  const first = model.layers[0]!;
  const row = model.input?.join(", ") ?? ("in" in first ? first.in : "inputs");
  return `import torch
${s.graph ? whole() : sequence}
optimizer = torch.optim.${torchOptimizers[s.optimizer]}(model.parameters(), lr=${s.lr})

# x: float32 [rows, ${row}]; y: ${model.loss === "crossEntropy" ? "int64 [rows]" : "float32 [rows, outputs]"}
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

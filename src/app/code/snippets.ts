import { modelPy } from "../../io/pytorch/model-script.ts";
import { torchLayer, torchLosses, torchOptimizers } from "../../io/pytorch/names.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { trainingPresets } from "../../nn/presets.ts";
import { imageNets, OWN, type Settings } from "../state/settings.ts";
import {
  generateCommand,
  isOfText,
  presetOf,
  TEXT_STEPS,
  type TextFile,
  textFlags,
  textImports,
  textRowsCode,
  torchTokens,
  torchWindows,
  writeCode,
} from "./text-snippets.ts";

/** Steps that the snippets take: enough to see it learn. */
const STEPS = 2000;
const stepsOf = (s: Settings): number => (isOfText(s) ? TEXT_STEPS : STEPS);

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

/** What is on the screen: the settings, the net, and what its text's file is asked. */
export interface Shown {
  readonly settings: Settings;
  readonly model: ModelSpec;
  /** Of other data never asked for. */
  readonly file: TextFile;
}

/** The library, in a page; in Node but for the files. */
export function libraryCode({ settings: s, model, file }: Shown): string {
  const folder = s.data === OWN ? "" : "data/";
  const read = `const read = async (file: string) => new Uint8Array(await (await fetch(\`${folder}\${file}\`)).arrayBuffer());`;
  const init = trainingPresets[s.data]?.init;
  const ofText = isOfText(s);
  const own = s.data === OWN;
  const data = ofText
    ? textRowsCode(s, file)
    : own
      ? `const data = await loadDataFile("data.csv", await read("data.csv"));
const test = null;`
      : `const { train: data, test } = await dataPreset("${s.data}").load(read, { seed: ${s.seed} });`;
  const whole = s.graph !== null;
  const firstWide = model.layers.findIndex((l) => l.type === "linear" || l.type === "layerNorm");
  const layers = model.layers.map((l, i) => `    ${layerCall(l, i === firstWide)},`).join("\n");
  const used = ofText ? textImports(s, file) : { library: own ? [] : ["dataPreset"], io: own ? ["loadDataFile"] : [] };
  const names = ["createTrainer", whole ? "parseModel" : "sequential", ...used.library];
  const called = whole ? [] : model.layers;
  for (const { type } of called) if (!names.includes(type)) names.push(type);
  return `import { ${names.sort().join(", ")} } from "chainrule";
${used.io.length > 0 ? `import { ${used.io.join(", ")} } from "chainrule/io";\n` : ""}
${read}
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
for await (const { step, loss } of trainer.run({ steps: ${stepsOf(s)}, logEvery: 200 })) console.log(step, loss);
console.log(await trainer.evaluate(test ? "test" : "train"), trainer.backend.description);
${ofText ? writeCode(s) : ""}trainer.dispose();
`;
}

/** A model file and the command that trains it. */
export function commandCode({ settings: s, model, file }: Shown): string {
  const init = trainingPresets[s.data]?.init;
  const ofText = isOfText(s);
  const image = s.graph && imageNets[s.graph.link] === s.data ? s.graph.link : null;
  const preset = ofText ? presetOf(s, model) : image;
  const data = ofText ? textFlags(s, file) : [`--data ${s.data === OWN ? "data.csv" : s.data}`];
  const flags = [
    ...(preset ? [] : data),
    `--batch ${s.batch}`,
    `--optimizer ${s.optimizer}`,
    `--lr ${s.lr}`,
    `--seed ${s.seed}`,
    ...(init ? [`--init ${init}`] : []),
    `--steps ${stepsOf(s)}`,
    ...(ofText ? ["--save weights.safetensors"] : []),
  ].join(" ");
  const written = `cat > model.json <<'END'
${modelText(model, "  ")}
END
`;
  const name = preset ?? "model.json";
  const write = ofText ? generateCommand(name, s, file) : "";
  return `${preset ? "" : written}npx chainrule train ${name} ${flags}\n${write}`;
}

/** The same net and step in PyTorch. */
export function torchCode({ settings: s, model, file }: Shown): string {
  const full = s.batch === "full";
  const ofText = isOfText(s);
  const sequence = `torch.manual_seed(${s.seed})
model = nn.Sequential(
${model.layers.map((l) => `    ${torchLayer(l)},`).join("\n")}
)
loss_of = ${torchLosses[model.loss]}`;
  const script = s.graph ? modelPy(model).replace(/^"""[\s\S]*?"""\n\n/, "") : "from torch import nn\n";
  const imports = script.match(/^(import|from) .*$/gm)!.filter((line) => line !== "import torch");
  const whole = (): string => `${script.replace(/^(import|from) .*\n/gm, "").trim()}

torch.manual_seed(${s.seed})
model = build()`;
  const first = model.layers[0]!;
  const row = model.input?.join(", ") ?? ("in" in first ? first.in : "inputs");
  const rows = full
    ? "    batch_x, batch_y = x, y"
    : `    rows = torch.randint(len(x), (${s.batch},))\n    batch_x, batch_y = x[rows], y[rows]`;
  const shapes = `# x: float32 [rows, ${row}]; y: ${model.loss === "crossEntropy" ? "int64 [rows]" : "float32 [rows, outputs]"}\n`;
  const before = ofText ? torchTokens(s, file) : { imports: "", code: "" };
  return `${before.imports}import torch
${imports.join("\n")}

${before.code}${s.graph ? whole() : sequence}
optimizer = torch.optim.${torchOptimizers[s.optimizer]}(model.parameters(), lr=${s.lr})

${ofText ? "# batch_x and batch_y: int64 [windows, T]\n" : shapes}for step in range(${stepsOf(s)}):
${ofText ? torchWindows(s) : rows}
    optimizer.zero_grad()
    loss = loss_of(model(batch_x), batch_y)
    loss.backward()
    optimizer.step()
    if step % 200 == 0:
        print(step, loss.item())
`;
}

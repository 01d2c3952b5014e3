import { cpuBackend } from "../../src/backend/cpu.ts";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { createNodeGpu } from "../../src/backend/webgpu/node.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { writeNpz } from "../../src/io/numpy/npz.ts";
import { makeReceipt, type Receipt } from "../../src/io/receipt/receipt.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { lora } from "../../src/nn/lora.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { trainingPresets } from "../../src/nn/presets.ts";
import { classLayout, widths } from "../../src/nn/shapes.ts";
import { sequenceNets, sequenceRows } from "../shared/sequence-nets.ts";
import { table } from "../shared/torch.ts";
import { featureRuns, rowsFor, smallRuns } from "./nets.ts";
import { presetRun } from "./presets.ts";
import { inFolder, type Ran, runPython, Verdict, writeFiles } from "./python.ts";

/**
 * Receipts against numpy: every preset, layer, loss and optimizer, on WebGPU and on the CPU. See README.md beside it.
 * Also shows that the script finds what is wrong: the tutorial's printed gradient, and every array of a receipt altered.
 */
const verdict = new Verdict();
const backends: readonly Backend[] = [
  await webgpuBackend(await createNodeGpu()),
  await cpuBackend(),
  referenceBackend("f64"),
];

const check = (receipt: Receipt, arrays: ReadonlyMap<string, NdArray> = receipt.arrays): Promise<Ran> =>
  inFolder(async (folder) => {
    writeFiles(folder, [
      ["receipt.npz", writeNpz(arrays)],
      ["receipt.py", receipt.script],
    ]);
    return runPython(["receipt.py"], folder);
  });

/** Maps that adapters are put beside. */
const ADAPTED = ["q_proj", "v_proj", "out_proj"];

/** Largest of difference over what is allowed, of all rows of the table. */
function worst({ out }: Ran): string {
  const rows = [...out.matchAll(/^(\w+) +\[.*?\] +(\S+) +(\S+) +(\S+)/gm)];
  const share = (row: RegExpMatchArray): number => Number(row[3]) / Number(row[4]) || 0;
  const top = rows.reduce((a, b) => (share(b) > share(a) ? b : a));
  return `${rows.length} arrays; nearest to its limit ${top[1]}: ${top[3]} of ${top[4]} (values to ${top[2]})`;
}

const last = ({ out, err }: Ran): string => (out.trim().split("\n").at(-1) || err).slice(0, 200);

const only = process.argv[2];
for (const backend of only === "sequences" ? [] : backends) {
  console.log(backend.description);
  for (const name of Object.keys(trainingPresets)) {
    const ran = await check(await makeReceipt(backend, await presetRun(name)));
    if (name !== "tutorial-as-published")
      verdict.say(name, ran.status === 0, ran.status === 0 ? worst(ran) : last(ran));
    else verdict.say(name, ran.status === 1 && last(ran) === "FAIL: da2 goes wrong first", last(ran));
  }
  const features = featureRuns().map(([name, { accumulate: _one, ...options }]) => [name, options] as const);
  for (const [name, options] of [...smallRuns(), ...features]) {
    const ran = await check(await makeReceipt(backend, options));
    verdict.say(name, ran.status === 0, ran.status === 0 ? worst(ran) : last(ran));
  }
}

// Nets of sequences, some of whose rows end early, and the same with adapters that drop and add something.
const dropsWeights = ({ layers }: ModelSpec): boolean =>
  layers.some((layer) => layer.type === "attention" && layer.dropout > 0);
for (const net of sequenceNets.filter(({ model }) => !dropsWeights(model))) {
  const { x, lengths } = sequenceRows(net);
  const { outputs } = widths(net.model);
  const n = x.shape[0]!;
  const classes = classLayout(net.model).classes;
  const label = (_: unknown, i: number): number => (i * 5) % classes;
  const y =
    net.model.loss === "mse"
      ? ndarray(
          [n, outputs],
          "f32",
          Array.from({ length: n * outputs }, (_, i) => Math.sin(i)),
        )
      : ndarray([n, outputs / classes], "i32", Array.from({ length: (n * outputs) / classes }, label));
  const data = { x, y, ...(lengths && { lengths }) };
  const settings = { data, batch: 4, seed: 5, optimizer: { type: "sgd", lr: 0.1 } } as const;
  const adaptable = net.model.layers.some((layer) => layer.type === "attention");
  const models = [net.model, ...(adaptable ? [lora(net.model, { rank: 2, dropout: 0.2, targets: ADAPTED })] : [])];
  for (const [k, model] of models.entries()) {
    const weights = initialise(model, 5);
    for (const [name, { data: own }] of weights) {
      if (name.includes("lora_B")) own.set(Float64Array.from(own, (_, i) => Math.cos(i)));
    }
    const ran = await check(await makeReceipt(backends[k + 1]!, { ...settings, model, weights }));
    verdict.say(`${net.name}${k ? ", adapters" : ""}`, ran.status === 0, ran.status === 0 ? worst(ran) : last(ran));
  }
}

// Nets of any shape and wiring: those of PyTorch's tables.
for (const { name, model } of only ? [] : table<{ name: string; model: unknown }>("graphs")) {
  const parsed = parseModel(model);
  const options = {
    model: parsed,
    data: rowsFor(parsed, 9),
    batch: 4,
    seed: 5,
    optimizer: { type: "sgd", lr: 0.1 },
  } as const;
  const ran = await check(await makeReceipt(backends[1]!, options));
  verdict.say(name, ran.status === 0, ran.status === 0 ? worst(ran) : last(ran));
}

const residual = parseModel({
  input: [2, 5, 4],
  layers: [
    { type: "conv2d", in: 2, out: 2, kernel: 3, padding: 1, name: "a" },
    { type: "batchNorm", size: 2 },
    { type: "add", from: ["a", "1"] },
    { type: "maxPool2d", kernel: 2 },
    { type: "flatten" },
    { type: "linear", in: 8, out: 2 },
  ],
  loss: "crossEntropy",
});
const wired = { model: residual, data: rowsFor(residual, 9), batch: 4, optimizer: { type: "sgd", lr: 0.1 } } as const;
const every = smallRuns().find(([name]) => name === "every layer")![1];
let caught = 0;
let tried = 0;
const missed: string[] = [];
for (const options of only ? [] : [every, wired]) {
  const receipt = await makeReceipt(backends[1]!, options);
  const computed = [...receipt.arrays].filter(([name]) => /^d|_new$|^a\d|^z|^loss|^norm|^lr|^mean|^rstd/.test(name));
  tried += computed.length;
  for (const [name, array] of computed) {
    // One value, a thousandth of the largest away from where it was.
    const data = array.data.slice();
    const largest = Math.max(...Array.from(data, Math.abs));
    data[data.length >> 1]! += largest / 1000;
    const ran = await check(receipt, new Map([...receipt.arrays, [name, { ...array, data }]]));
    if (ran.status === 1 && last(ran) === `FAIL: ${name} goes wrong first`) caught++;
    else missed.push(name);
  }
}
verdict.say("altered arrays", missed.length === 0, `${caught} of ${tried} caught ${missed.join(", ")}`);
for (const backend of backends) backend.dispose();
verdict.end();

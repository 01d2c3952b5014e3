import { existsSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { ChainruleError } from "../core/errors.ts";
import { type Shape, shapeText, sizeOf } from "../core/ndarray.ts";
import { importNet, isHdf5, type NetFile } from "../io/net/import.ts";
import type { ImportedNet } from "../io/net/net-parts.ts";
import { readTensors, writeTensors } from "../io/weights/tensor-file.ts";
import { weightTensors } from "../io/weights/weights.ts";
import { type LossName, lossKinds } from "../nn/loss-kinds.ts";
import { parameterSpecs } from "../nn/parameter-specs.ts";
import { outputShape, shapesOf, widths } from "../nn/shapes.ts";
import { taskOf } from "../nn/task.ts";
import { readBeside, readBytes, requireWritable, writeWhole } from "./files.ts";
import { note, print } from "./output.ts";
import { choiceFlag, countFlag, parse, requiredFile } from "./usage.ts";

const help = `Usage: chainrule import <file> --out model.json --weights-out W.safetensors [options]

Takes a net from another library, of any shape and wiring: the model, and its weights.

  <file>                an .onnx file, or a model.json of TensorFlow.js, the files that they name beside
                        them; Keras's .keras or .h5; or what its model.to_json() gives, with --weights; a language
                        model's config.json of Hugging Face (gpt2, llama, mistral, qwen2) with the
                        model.safetensors beside it, or its folder
  --out <file>          the model, as every other command reads it
  --weights-out <file>  its weights, .safetensors, or .npz by that ending
  --weights <file>      Keras, where <file> is the structure alone: model.save_weights("w.weights.h5"), or
                        numpy.savez("w.npz", *model.get_weights()); language models: another name than
                        model.safetensors
  --loss <loss>         what it is to be trained with; by default what the file says, else what the net's
                        end tells: sigmoid bce, softmax or several outputs crossEntropy, one output mse
  --steps <N>           language models: steps of a row (default: as many as the net was made for, to 1024)
  --keep-outputs        keep a softmax or sigmoid at the end that the loss applies itself
  --json                print what was taken as JSON

A layer or node that is not known here is named, and nothing is written.`;

const options = {
  out: { type: "string" },
  "weights-out": { type: "string" },
  weights: { type: "string" },
  loss: { type: "string" },
  steps: { type: "string" },
  "keep-outputs": { type: "boolean" },
} as const;

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options, [1, 1]);
  if (values.help) {
    print(help);
    return 0;
  }
  const writable = (name: "out" | "weights-out"): string => {
    const file = requiredFile(name, values[name]);
    requireWritable(file);
    return file;
  };
  const loss = choiceFlag("loss", values.loss, Object.keys(lossKinds) as LossName[]);
  const [out, weightsOut] = [writable("out"), writable("weights-out")];
  if (out === weightsOut) throw new ChainruleError("usage", "--out and --weights-out name the same file");
  const file = fileOf(positionals[0]!);
  const steps = countFlag("steps", values.steps);
  const net = await importNet(
    {
      name: file,
      bytes: readBytes(file),
      read: async (path) => readBeside(file, path),
      ...(await kerasWeights(values.weights)),
    },
    {
      ...(loss === undefined ? {} : { loss }),
      ...(steps === undefined ? {} : { steps }),
      keepOutputs: values["keep-outputs"] === true,
    },
  );
  // Weights first: a model without them would look whole.
  writeWhole(weightsOut, writeTensors(weightsOut, weightTensors(net.model, net.weights)));
  writeWhole(out, `${JSON.stringify(net.model)}\n`);
  say(net, values.json === true, basename(file), out, weightsOut);
  return 0;
}

/** In a folder, the file that says the net: Hugging Face's config.json, or TensorFlow.js's model.json. */
function fileOf(source: string): string {
  if (!statSync(source, { throwIfNoEntry: false })?.isDirectory()) return source;
  const found = ["config.json", "model.json"].map((name) => join(source, name)).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new ChainruleError(
    "file",
    `${source}: a folder without a config.json or a model.json; name the net's file in it`,
  );
}

/** The weights of a Keras model that is in a file of its own: HDF5, or arrays by name. */
async function kerasWeights(path: string | undefined): Promise<Pick<NetFile, "weights" | "arrays">> {
  if (path === undefined) return {};
  const bytes = readBytes(path);
  return isHdf5(bytes) ? { weights: bytes } : { arrays: await readTensors(path, bytes) };
}

function say({ model, notes }: ImportedNet, json: boolean, file: string, out: string, saved: string): void {
  const { inputs, outputs } = widths(model);
  const parameters = parameterSpecs(model).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const layers = model.layers.map((l) => l.type);
  if (json) {
    print(
      JSON.stringify({
        out,
        weightsOut: saved,
        inputs,
        outputs,
        parameters,
        task: taskOf(model),
        loss: model.loss,
        layers,
        notes,
      }),
    );
    return;
  }
  for (const text of notes) note(text);
  const shaped = (shape: Shape): string => (shape.length > 1 ? `, ${shapeText(shape)}` : "");
  const ends = [`${inputs} inputs${shaped(shapesOf(model).input)}`, `${outputs} outputs${shaped(outputShape(model))}`];
  print(`${file}: ${ends.join("; ")}; ${parameters} parameters`);
  print(taskOf(model));
  print(`${layers.join(", ")}`);
  print(`model in ${out}, weights in ${saved}`);
}

import { ChainruleError } from "../core/errors.ts";
import { clearProgress, drained, print, quietPipes } from "./output.ts";

interface Command {
  /** Exit status; anything but 0 means not everything went well. */
  run(args: readonly string[]): Promise<number>;
}

const commands: Readonly<Record<string, { readonly summary: string; load(): Promise<Command> }>> = {
  train: { summary: "train a model; save weights and a log", load: () => import("./train.ts") },
  lr: { summary: "find a learning rate by a ramp", load: () => import("./lr.ts") },
  predict: { summary: "raw rows in, predictions out, with saved weights", load: () => import("./predict.ts") },
  generate: { summary: "go on from a text, with a net that learned one", load: () => import("./generate.ts") },
  grad: { summary: "loss and gradients of one batch, to a file", load: () => import("./grad.ts") },
  check: {
    summary: "prove every gradient of a model: device, f64, finite differences",
    load: () => import("./check.ts"),
  },
  receipt: {
    summary: "every number of one step, with a numpy script that computes them again",
    load: () => import("./receipt.ts"),
  },
  export: { summary: "a run for PyTorch to go on with, a net as ONNX", load: () => import("./export.ts") },
  import: { summary: "a net from ONNX, TensorFlow.js or Keras", load: () => import("./import.ts") },
  merge: { summary: "add a low-rank adapter to the weights beside which it learned", load: () => import("./merge.ts") },
  bench: {
    summary: "limits of the adapter, products, training steps, each verified first",
    load: () => import("./bench.ts"),
  },
  doctor: { summary: "adapters, limits, and a self-test of every kernel", load: () => import("./doctor.ts") },
};

const help = `chainrule: train neural networks with WebGPU, with every gradient proved

Usage: chainrule <command> [options]

Commands:
${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`)
  .join("\n")}

chainrule <command> --help tells more. --verbose shows where an error came from.`;

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    print(help);
    return name === undefined ? 1 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command)
    throw new ChainruleError("usage", `unknown command "${name}"; known are ${Object.keys(commands).join(", ")}`);
  return (await command.load()).run(rest);
}

quietPipes();
const args = process.argv.slice(2);
try {
  process.exitCode = await main(args);
} catch (error) {
  clearProgress();
  const expected = error instanceof ChainruleError;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`chainrule: ${message.replaceAll("\n", " ")}\n`);
  if (args.includes("--verbose") && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exitCode = expected && error.code === "usage" ? 2 : 1;
}
await drained();
// Dawn keeps threads of its own; nothing is left to do.
process.exit();

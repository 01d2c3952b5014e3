import { convolutionOperands, verifyConvolution } from "../../../src/bench/convolution-problem.ts";
import { operands, verifySamples } from "../../../src/bench/matmul.ts";
import type { NdArray } from "../../../src/core/ndarray.ts";
import { attentionOperands, verifyAttention } from "../attention.ts";
import { disagreement, problemOf } from "../problem.ts";
import { type ContestantName, coldTask, type Task, type TrainingTask } from "../tasks.ts";
import type { Contestant, ResultSession, Session, TrainingSession } from "./contestant.ts";
import { countDeviceUse, deviceUse } from "./usage.ts";

/** What a repetition, or a training step, took of a WebGPU device. */
export interface StepUse {
  readonly dispatches: number;
  /** Buffers alive at the peak, bytes. */
  readonly peakBytes: number;
}

export interface Prepared {
  readonly firstMs: number;
  readonly error: string | null;
  /** Null where no WebGPU device is used. */
  readonly use: StepUse | null;
}

/** What the driver calls in each contestant's page. Every call resolves to plain values, so it may cross to a worker. */
export interface Peer {
  open(name: ContestantName): Promise<string>;
  /** Sets a task up and checks it against f64. `error` is what was wrong, null where nothing was. */
  prepare(task: Task, reference: string | null): Promise<Prepared>;
  /** Milliseconds of n repetitions. */
  sample(n: number): Promise<number>;
  dispose(): void | Promise<void>;
  /** From nothing: opens the contestant and takes one step, to the loss read back. */
  cold(name: ContestantName): Promise<void>;
  /** The loss of that step, for checking. */
  loss(): Promise<number>;
}

let contestant: Contestant | null = null;
let session: Session | null = null;

/** Each page loads the code of its own contestant only. */
async function load(name: ContestantName): Promise<Contestant> {
  switch (name) {
    case "chainrule-webgpu":
      return (await import("./chainrule.ts")).openChainrule("webgpu");
    case "chainrule-cpu":
      return (await import("./chainrule.ts")).openChainrule("cpu");
    case "tfjs-webgpu":
      return (await import("./tensorflow.ts")).openTensorflow("webgpu");
    case "tfjs-wasm":
      return (await import("./tensorflow.ts")).openTensorflow("wasm");
    case "jax-js-webgpu":
      return (await import("./jax.ts")).openJax("webgpu");
    case "jax-js-wasm":
      return (await import("./jax.ts")).openJax("wasm");
  }
}

async function openResult(
  task: Exclude<Task, TrainingTask>,
): Promise<{ opened: ResultSession; verify: (result: NdArray) => boolean }> {
  if (task.kind === "convolution") {
    const values = convolutionOperands(task);
    const opened = await contestant!.convolve(task, values);
    return { opened, verify: (result) => verifyConvolution(task, values, result) };
  }
  if (task.kind === "attention") {
    const values = attentionOperands(task);
    const opened = await contestant!.attend(task, values);
    return { opened, verify: (result) => verifyAttention(task, values, result) };
  }
  const { a, b } = operands(task);
  return { opened: await contestant!.multiply(task, a, b), verify: (c) => verifySamples(task, a, b, c) };
}

/** What one more repetition takes; null where no device is used. */
async function useOf(opened: Session, peakBytes: number): Promise<StepUse | null> {
  const before = deviceUse.dispatches;
  await opened.run(1);
  const dispatches = deviceUse.dispatches - before;
  return dispatches > 0 ? { dispatches, peakBytes } : null;
}

export const peer: Peer = {
  async open(name) {
    countDeviceUse();
    contestant = await load(name);
    return contestant.description;
  },
  async prepare(task, reference) {
    const start = performance.now();
    deviceUse.peakBytes = deviceUse.bytes;
    if (task.kind !== "training") {
      const { opened, verify } = await openResult(task);
      session = opened;
      await opened.run(1);
      const firstMs = performance.now() - start;
      const { peakBytes } = deviceUse;
      const error = verify(await opened.result()) ? null : `the ${task.kind} is wrong`;
      return { firstMs, error, use: await useOf(opened, peakBytes) };
    }
    const problem = problemOf(task);
    const training = await contestant!.train(task, problem);
    session = training;
    await training.run(1);
    const firstMs = performance.now() - start;
    if (task.checkedSteps > 1) await training.run(task.checkedSteps - 1);
    // Before weights are read back, which takes buffers of its own.
    const { peakBytes } = deviceUse;
    const { loss, weights } = await training.state();
    const exact = new Float64Array(await (await fetch(reference!)).arrayBuffer());
    const error = disagreement(problem, task.updateLimit, exact, loss, weights);
    return { firstMs, error, use: await useOf(training, peakBytes) };
  },
  async sample(n) {
    const start = performance.now();
    await session!.run(n);
    return performance.now() - start;
  },
  dispose() {
    session?.dispose();
    session = null;
  },
  async cold(name) {
    contestant = await load(name);
    const training = await contestant.train(coldTask, problemOf(coldTask));
    session = training;
    await training.run(1);
  },
  async loss() {
    return (await (session as TrainingSession).state()).loss;
  },
};

import { operands, verifySamples } from "../../../src/bench/matmul.ts";
import { disagreement, problemOf } from "../problem.ts";
import { CHECKED_STEPS, type ContestantName, coldTask, type Task } from "../tasks.ts";
import type { Contestant, Session } from "./contestant.ts";

/** What the driver calls in each contestant's page. Every call resolves to plain values, so it may cross to a worker. */
export interface Peer {
  open(name: ContestantName): Promise<string>;
  /** Sets a task up and checks it against f64. `error` is what was wrong, null where nothing was. */
  prepare(task: Task, reference: string | null): Promise<{ firstMs: number; error: string | null }>;
  /** Milliseconds of n repetitions. */
  sample(n: number): Promise<number>;
  dispose(): void | Promise<void>;
  /** From nothing: opens the contestant and takes one step. The loss, for checking. */
  cold(name: ContestantName): Promise<number>;
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

export const peer: Peer = {
  async open(name) {
    contestant = await load(name);
    return contestant.description;
  },
  async prepare(task, reference) {
    const start = performance.now();
    if (task.kind === "product") {
      const { a, b } = operands(task);
      const product = await contestant!.multiply(task, a, b);
      session = product;
      await product.run(1);
      const firstMs = performance.now() - start;
      const right = verifySamples(task, a, b, await product.result());
      return { firstMs, error: right ? null : "the product is wrong" };
    }
    const problem = problemOf(task);
    const training = await contestant!.train(task, problem);
    session = training;
    await training.run(1);
    const firstMs = performance.now() - start;
    await training.run(CHECKED_STEPS - 1);
    const { loss, weights } = await training.state();
    const exact = new Float64Array(await (await fetch(reference!)).arrayBuffer());
    return { firstMs, error: disagreement(problem, exact, loss, weights) };
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
    await training.run(1);
    return (await training.state()).loss;
  },
};

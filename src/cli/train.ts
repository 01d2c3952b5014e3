import { closeSync, openSync, writeSync } from "node:fs";
import { short } from "../core/format.ts";
import { writeTensors } from "../io/tensor-file.ts";
import { weightTensors } from "../io/weights.ts";
import { parameterSpecs } from "../nn/model.ts";
import type { StepMetrics, Trainer } from "../train/trainer.ts";
import { openTrainer } from "./backend.ts";
import { writeWhole } from "./files.ts";
import { clearProgress, note, print, progress } from "./output.ts";
import { type Evaluations, logLine, remaining, stepLine, summary } from "./train-output.ts";
import { help, trainPlan } from "./train-plan.ts";

/** Exit status after Ctrl-C, as shells have it. */
const INTERRUPTED = 130;

export async function run(args: readonly string[]): Promise<number> {
  const plan = await trainPlan(args);
  if (!plan) {
    print(help);
    return 0;
  }
  const trainer = await openTrainer(plan.backend, plan.trainer, plan.onLost);
  const { data, optimizer, precision, seed } = trainer.options;
  const { steps, shown, logged, json } = plan;
  const count = parameterSpecs(trainer.options.model).reduce((sum, p) => sum + p.shape.reduce((a, b) => a * b, 1), 0);
  note(
    `${count} parameters, ${data.x.shape[0]} rows, ${steps} steps of ${trainer.batchRows} rows, ${optimizer.type} lr ${optimizer.lr}${precision === "f16" ? ", products of halves" : ""}, seed ${seed}`,
  );

  const log = plan.log === undefined ? null : openSync(plan.log, "w");
  const abort = new AbortController();
  const stop = () => {
    if (abort.signal.aborted) process.exit(INTERRUPTED);
    note("stopping after the steps on their way; press again to quit at once");
    abort.abort();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  const start = performance.now();
  let last: StepMetrics | null = null;
  let final: Evaluations = { test: null, train: null };
  try {
    const every = evaluationSteps(trainer, steps);
    while (trainer.step < steps && !abort.signal.aborted) {
      const part = Math.min(every, steps - trainer.step);
      const { onNotFinite } = plan;
      for await (const m of trainer.run({
        steps: part,
        logEvery: gcd(shown, logged),
        signal: abort.signal,
        onNotFinite,
      })) {
        last = m;
        const atEnd = m.step === steps;
        if (log !== null && (m.step % logged === 0 || m.step === 1 || atEnd)) writeSync(log, logLine(m, precision));
        if (m.step % shown === 0 || atEnd) stepLine(m, json);
        progress(`step ${m.step} of ${steps}  loss ${short(m.loss)}  ${remaining(start, m.step, steps)}`);
      }
      final = { train: final.train, test: await trainer.evaluate("test") };
      if (final.test && log !== null)
        writeSync(log, `${JSON.stringify({ step: trainer.step, evaluation: "test", ...final.test })}\n`);
    }
    final = { test: final.test, train: await trainer.evaluate("train") };
    if (log !== null)
      writeSync(log, `${JSON.stringify({ step: trainer.step, evaluation: "train", ...final.train })}\n`);
  } finally {
    clearProgress();
    if (log !== null) closeSync(log);
    await save(plan.save, trainer);
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
  const seconds = (performance.now() - start) / 1000;
  summary({ trainer, last, final, seconds, json: json, save: plan.save });
  trainer.dispose();
  return abort.signal.aborted ? INTERRUPTED : 0;
}

/** Once an epoch, but no more than some fifty times a run. */
function evaluationSteps(trainer: Trainer, steps: number): number {
  if (!trainer.options.test) return steps;
  return trainer.stepsPerEpoch * Math.max(1, Math.ceil(steps / trainer.stepsPerEpoch / 50));
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

async function save(path: string | undefined, trainer: Trainer): Promise<void> {
  if (path === undefined) return;
  writeWhole(path, writeTensors(path, weightTensors(trainer.options.model, await trainer.parameters())));
}

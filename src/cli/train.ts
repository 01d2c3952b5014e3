import { closeSync, writeSync } from "node:fs";
import { short } from "../core/format.ts";
import { preprocessingText } from "../data/preprocessing.ts";
import { writeTensors } from "../io/tensor-file.ts";
import { weightTensors } from "../io/weights.ts";
import { parameterSpecs } from "../nn/model.ts";
import { evaluatorOf } from "../train/evaluate-source.ts";
import type { Evaluation } from "../train/evaluation.ts";
import type { Rows } from "../train/options.ts";
import type { RowSource } from "../train/row-source.ts";
import type { StepMetrics, Trainer } from "../train/trainer.ts";
import { openTrainer } from "./backend.ts";
import { recordOf, writeWhole } from "./files.ts";
import { clearProgress, note, print, progress } from "./output.ts";
import { goOn, Keeper, openCheckpoints, openLog, requireRun } from "./train-checkpoint.ts";
import { type Evaluations, logLine, remaining, stepLine, summary } from "./train-output.ts";
import { help, type TrainPlan, trainPlan } from "./train-plan.ts";

/** Exit status after Ctrl-C, as shells have it. */
const INTERRUPTED = 130;

export async function run(args: readonly string[]): Promise<number> {
  const plan = await trainPlan(args);
  if (!plan) {
    print(help);
    return 0;
  }
  const { from, into } = await openCheckpoints(plan);
  if (from) await requireRun(from, plan.trainer, plan.steps);
  const trainer = await openTrainer(plan.backend, plan.trainer, plan.onLost, from?.device);
  if (from) goOn(trainer, from);
  const { data, optimizer, halves, seed } = trainer.options;
  const { steps, shown, logged, json } = plan;
  const count = parameterSpecs(trainer.options.model).reduce((sum, p) => sum + p.shape.reduce((a, b) => a * b, 1), 0);
  note(
    `${count} parameters, ${data.x.shape[0]} rows, ${steps} steps of ${trainer.batchRows} rows, ${optimizer.type} lr ${optimizer.lr}${halves ? ", products of halves" : ""}, seed ${seed}`,
  );

  const log = plan.log === undefined ? null : openLog(plan.log, from);
  const keeper = into && (await Keeper.begin(trainer, into, plan.every, log));
  const abort = new AbortController();
  let pause = new AbortController();
  const stop = () => {
    if (abort.signal.aborted) process.exit(INTERRUPTED);
    note("stopping after the steps on their way; press again to quit at once");
    abort.abort();
    pause.abort();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  const start = performance.now();
  const first = trainer.stepsTaken;
  let last: StepMetrics | null = null;
  let final: Evaluations = { test: null, train: null };
  const every = evaluationSteps(trainer, steps);
  const evaluateWhereDue = async (): Promise<void> => {
    if (trainer.stepsTaken % every !== 0 && trainer.stepsTaken < steps && !abort.signal.aborted) return;
    final = { train: final.train, test: await trainer.evaluate("test") };
    if (final.test && log !== null)
      writeSync(log, `${JSON.stringify({ step: trainer.stepsTaken, evaluation: "test", ...final.test })}\n`);
  };
  try {
    if (first > 0) await evaluateWhereDue();
    while (trainer.stepsTaken < steps && !abort.signal.aborted) {
      const part = Math.min(
        every - (trainer.stepsTaken % every),
        steps - trainer.stepsTaken,
        keeper?.stepsLeft ?? steps,
      );
      pause = new AbortController();
      const alarm = keeper?.alarm(() => pause.abort());
      const { onNotFinite } = plan;
      for await (const m of trainer.run({
        steps: part,
        logEvery: gcd(shown, logged),
        signal: pause.signal,
        onNotFinite,
      })) {
        last = m;
        const atEnd = m.step === steps;
        if (log !== null && (m.step % logged === 0 || m.step === 1 || atEnd))
          writeSync(log, logLine(m, halves !== null));
        if (m.step % shown === 0 || atEnd) stepLine(m, json);
        progress(
          `step ${m.step} of ${steps}  loss ${short(m.loss)}  ${remaining(start, m.step - first, steps - first)}`,
        );
      }
      clearTimeout(alarm);
      await evaluateWhereDue();
      await keeper?.save("due");
    }
    await keeper?.save("now");
    final = { test: final.test, train: await trainer.evaluate("train") };
    if (plan.validation) final = { ...final, validation: await evaluateOn(trainer, plan.validation) };
    if (log !== null)
      writeSync(log, `${JSON.stringify({ step: trainer.stepsTaken, evaluation: "train", ...final.train })}\n`);
    if (log !== null && final.validation)
      writeSync(
        log,
        `${JSON.stringify({ step: trainer.stepsTaken, evaluation: "validation", ...final.validation })}\n`,
      );
  } finally {
    clearProgress();
    if (log !== null) closeSync(log);
    await save(plan, trainer);
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
  const seconds = (performance.now() - start) / 1000;
  summary({ trainer, first, last, final, seconds, json: json, save: plan.save });
  trainer.dispose();
  return abort.signal.aborted ? INTERRUPTED : 0;
}

async function evaluateOn(trainer: Trainer, rows: Rows | RowSource): Promise<Evaluation> {
  const weights = await trainer.parameters();
  const evaluator = await evaluatorOf(trainer.backend, trainer.options.model, weights, rows, trainer.options);
  const found = await evaluator.evaluate(weights);
  evaluator.dispose();
  return found;
}

/** Once an epoch, but no more than some fifty times a run. */
function evaluationSteps(trainer: Trainer, steps: number): number {
  if (!trainer.options.test) return steps;
  return trainer.stepsPerEpoch * Math.max(1, Math.ceil(steps / trainer.stepsPerEpoch / 50));
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

async function save({ save: path, preprocessing }: TrainPlan, trainer: Trainer): Promise<void> {
  if (path === undefined) return;
  writeWhole(recordOf(path), preprocessingText(preprocessing));
  writeWhole(path, writeTensors(path, weightTensors(trainer.options.model, await trainer.parameters())));
}

import { closeSync, writeSync } from "node:fs";
import { short } from "../core/format.ts";
import { sizeOf } from "../core/ndarray.ts";
import { preprocessingText } from "../data/preprocessing.ts";
import { writeTensors } from "../io/weights/tensor-file.ts";
import { weightTensors } from "../io/weights/weights.ts";
import { isAdapted } from "../nn/lora.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { parameterSpecs } from "../nn/parameter-specs.ts";
import { ValidationWatch } from "../train/evaluation/validation.ts";
import { headNote } from "../train/memory/head-note.ts";
import type { StepMetrics, Trainer } from "../train/trainer.ts";
import { saveAdapter } from "./adapter-flags.ts";
import { openTrainer } from "./backend.ts";
import { sayData } from "./data-summary.ts";
import { recordOf, writeWhole } from "./files.ts";
import { clearProgress, note, print, progress } from "./output.ts";
import { goOn, Keeper, openCheckpoints, openLog, recall, requireRun } from "./train-checkpoint.ts";
import {
  type Evaluations,
  evaluationLine,
  logLine,
  type RunEnd,
  remaining,
  stepLine,
  summary,
  validationLine,
} from "./train-output.ts";
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
  if (from) await requireRun(from, plan.trainer, plan.preprocessing, plan.steps);
  const trainer = await openTrainer(plan.backend, plan.trainer, plan.onLost, from?.device);
  if (from) goOn(trainer, from);
  const { data, optimizer, halves, seed } = trainer.options;
  const { steps, shown, logged, json } = plan;
  const [count, still] = counts(trainer.options.model);
  sayData(plan.summary);
  note(
    `${count} parameters${still > 0 ? `, ${still} of them frozen` : ""}, ${data.x.shape[0]} rows, ${steps} steps of ${trainer.batchRows} rows, ${optimizer.type} lr ${optimizer.lr}${halves ? ", products of halves" : ""}, seed ${seed}`,
  );
  const head = await headNote(trainer.options, trainer.batchRows / trainer.options.accumulate);
  if (head !== null) note(head);

  const log = plan.log === undefined ? null : openLog(plan.log, from);
  const keeper = into && (await Keeper.begin(trainer, into, plan.every, log, plan.preprocessing));
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
  const judged = plan.validation ? "validation" : trainer.options.test ? "test" : null;
  const every = plan.validateEvery ?? evaluationSteps(trainer, steps, judged !== null);
  const validate = { every, weights: plan.use, on: plan.validation ?? "test" } as const;
  const watch = judged && new ValidationWatch(trainer, validate, plan.stopEarly);
  if (watch) recall(watch, from);
  const validateWhereDue = async (): Promise<void> => {
    if (!watch || (trainer.stepsTaken % every !== 0 && trainer.stepsTaken < steps)) return;
    const found = await watch.validate();
    if (log !== null) writeSync(log, evaluationLine(trainer.stepsTaken, judged!, found, plan.summary));
    if (plan.validateEvery !== undefined) validationLine(judged!, found, plan.summary, json);
  };
  const save = (when: "due" | "now"): Promise<void> | undefined => keeper?.save(when, watch);
  let ended: RunEnd = { step: first, best: null, stoppedEarly: false, restored: false };
  try {
    if (first > 0) await validateWhereDue();
    while (trainer.stepsTaken < steps && !abort.signal.aborted && !watch?.stopped) {
      const part = Math.min(watch?.stepsLeft ?? steps, steps - trainer.stepsTaken, keeper?.stepsLeft ?? steps);
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
      await validateWhereDue();
      await save("due");
    }
    await save("now");
    const step = trainer.stepsTaken;
    const [best, stoppedEarly] = [watch?.best ?? null, watch?.stopped ?? false];
    ended = { step, best, stoppedEarly, restored: watch?.restoreBest() ?? false };
    final = await finalEvaluations(trainer, plan);
    for (const on of ["train", "validation", "test"] as const) {
      // What was watched has its line already, unless the weights are others now.
      const known = on === judged && !ended.restored && watch?.memory.last?.step === step;
      if (log !== null && !known && (on === "train" || final[on]))
        writeSync(log, evaluationLine(trainer.stepsTaken, on, final[on] ?? null, plan.summary));
    }
  } finally {
    clearProgress();
    if (log !== null) closeSync(log);
    await saveWeights(plan, trainer);
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
  const seconds = (performance.now() - start) / 1000;
  summary({ trainer, first, last, ended, final, seconds, json: json, save: plan.save, data: plan.summary });
  trainer.dispose();
  return abort.signal.aborted ? INTERRUPTED : 0;
}

async function finalEvaluations(trainer: Trainer, { validation, use: weights }: TrainPlan): Promise<Evaluations> {
  const train = await trainer.evaluate("train", { weights });
  const test = await trainer.evaluate("test", { weights });
  return { train, test, ...(validation ? { validation: await trainer.evaluate(validation, { weights }) } : {}) };
}

/** Numbers of a model's parameters, and how many of them are frozen. */
function counts(model: ModelSpec): readonly [all: number, frozen: number] {
  const specs = parameterSpecs(model).map((p) => [sizeOf(p.shape), p.frozen ? sizeOf(p.shape) : 0] as const);
  return specs.reduce(([all, frozen], [own, still]) => [all + own, frozen + still], [0, 0]);
}

/** Once an epoch, but no more than some fifty times a run. */
function evaluationSteps(trainer: Trainer, steps: number, judged: boolean): number {
  if (!judged) return steps;
  return trainer.stepsPerEpoch * Math.max(1, Math.ceil(steps / trainer.stepsPerEpoch / 50));
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

async function saveWeights({ save: path, preprocessing, use }: TrainPlan, trainer: Trainer): Promise<void> {
  if (path === undefined) return;
  const { model } = trainer.options;
  const weights = await trainer.parameters(use);
  const record = preprocessingText(preprocessing);
  if (isAdapted(model)) return saveAdapter(path, model, weights, record);
  writeWhole(recordOf(path), record);
  writeWhole(path, writeTensors(path, weightTensors(model, weights)));
}

import type { Backend } from "../backend/executor.ts";
import { type Abortable, throwIfAborted } from "../core/abort.ts";
import { loadLayerTypes } from "../nn/layers/registry.ts";
import { withLength } from "../nn/model-length.ts";
import { multiplyAdds } from "../nn/shapes.ts";
import type { RecoveryOptions } from "./recovery/recovery.ts";
import type { TrainerOptions } from "./run/options.ts";
import { type Trainer, trainerOn } from "./trainer.ts";

/** What one step of this very run takes on a backend. */
export interface MeasuredBackend {
  /** A GPU, or the CPU. */
  readonly kind: Backend["kind"];
  /** The adapter, or the kind of CPU path. */
  readonly description: string;
  /** Milliseconds of a step. */
  readonly stepMs: number;
  /** True where the step was too large to try on the CPU: then the figure is an estimate from its size. */
  readonly estimated: boolean;
  /** True where it was still compiling when the run began elsewhere: there is no figure, `stepMs` is infinite. */
  readonly compiling?: boolean;
}

/** A trainer and why it runs where it does. */
export interface Choice {
  /** On the fastest, at its first step; it moves if what was still compiling turns out to be faster. */
  readonly trainer: Trainer;
  /** Where that is. */
  readonly chosen: MeasuredBackend;
  /** All candidates, the chosen one first. */
  readonly measured: readonly MeasuredBackend[];
  /** Resolves when it is known where the run stays, to all candidates as in `measured`: before, none may be disposed of. */
  readonly settled: Promise<readonly MeasuredBackend[]>;
}

/** Time that measuring one backend may take, beyond its first step. */
const MEASURE_MS = 60;
/** Steps that it may take: small nets take millions a second, and fewer would measure the reading of their losses. */
const MEASURE_STEPS = 2 ** 16;
/** Multiply-adds a millisecond that the CPU manages with two threads; only to spare hopeless trials. */
const CPU_WORK_PER_MS = 3e7;
/** How many times slower the estimate must be before a trial is hopeless. */
const HOPELESS = 5;

/** A step that the CPU takes in less is tried there while the GPU still compiles its kernels. */
const SMALL_MS = 1;
/** How long the first loss may wait for a backend that compiles, where a step of the CPU takes no longer than that. */
const PATIENCE_MS = 300;
/** Trials of a backend that was compiling when the run began: whoever drew the run meanwhile had the processor, too. */
const LATE_TRIALS = 8;
/** Times this close are taken again, now that nothing else is being compiled. */
const CLOSE = 3;

/**
 * Makes a trainer on the backend that takes this run's own steps fastest. The CPU is only tried where it stands a chance.
 * The trainer is at its first step: measuring leaves no trace in the run. A GPU that is still compiling after `patienceMs`
 * (300 by default) is not waited for where a step takes the CPU less: the run begins there, and when the GPU is ready it
 * is measured between two steps, and has the run from then on if it is faster (the event "faster" says so). `since` is when
 * somebody began to wait, by performance.now(), where that was before: devices had to be opened, or data fetched.
 */
export async function chooseTrainer(
  backends: readonly Backend[],
  options: TrainerOptions & Abortable,
  recovery?: RecoveryOptions,
  { patienceMs = PATIENCE_MS, since }: { readonly patienceMs?: number; readonly since?: number } = {},
): Promise<Choice> {
  await loadLayerTypes(options?.model);
  const { signal } = options;
  const estimate = workOf(options) / CPU_WORK_PER_MS;
  const made = new Map<Backend, Promise<Trainer>>();
  const make = (backend: Backend): Promise<Trainer> => {
    const known = made.get(backend) ?? trainerOn(backend, options, recovery);
    known.catch(() => undefined); // raised where it is awaited
    made.set(backend, known);
    return known;
  };
  const found = new Map<Backend, MeasuredBackend>();
  const fastestOf = (): number => Math.min(...[...found.values()].map((m) => m.stepMs));
  const measure = async (backend: Backend): Promise<MeasuredBackend> => {
    throwIfAborted(signal);
    const { kind, description } = backend;
    const stepMs = await stepTime(await make(backend), signal, fastestOf());
    return { kind, description, stepMs, estimated: false };
  };
  const together = estimate < SMALL_MS && backends.length > 1;
  const cpu = backends.find(({ kind }) => kind === "cpu");
  const gpu = backends.find(({ kind }) => kind === "webgpu");
  try {
    if (cpu && gpu && estimate < patienceMs && Number.isFinite(patienceMs)) {
      const left = since === undefined ? patienceMs : since + patienceMs - performance.now();
      const late = new Promise<"late">((resolve) => setTimeout(resolve, left, "late"));
      // After its second step: some drivers compile only when there is one, and the first may have had kernels of its own.
      const warm = make(gpu).then(async (ready) => {
        await takeSteps(ready, 1, signal);
        await takeSteps(ready, 1, signal);
        return ready;
      });
      warm.catch(() => undefined); // raised where it is awaited, unless the CPU's trainer is refused before
      if (together) found.set(cpu, await measure(cpu));
      if ((await Promise.race([warm.catch(() => null), late])) === "late") {
        const chosen = found.get(cpu) ?? (await measure(cpu));
        const trainer = await make(cpu);
        for (const backend of [cpu, gpu]) made.delete(backend);
        trainer.reset();
        const { kind, description } = gpu;
        const waits = { kind, description, stepMs: Number.POSITIVE_INFINITY, estimated: false, compiling: true };
        let known: readonly MeasuredBackend[] = [chosen, waits];
        const wins = async (ready: Trainer): Promise<boolean> => {
          // Not given up however slow it is beside the other: what it takes is shown.
          const stepMs = await stepTime(ready, undefined, Number.POSITIVE_INFINITY, LATE_TRIALS);
          const found = { kind, description, stepMs, estimated: false };
          const faster = stepMs < chosen.stepMs;
          known = faster ? [found, chosen] : [chosen, found];
          return faster;
        };
        const settled = warm.then(
          async (ready) => {
            await trainer.offer(ready, () => wins(ready));
            return known;
          },
          () => known,
        );
        return { trainer, chosen, measured: known, settled };
      }
    }
    if (together) for (const backend of backends) make(backend);
    for (const backend of together ? cpuFirst(backends) : backends) {
      if (found.has(backend)) continue;
      const { kind, description } = backend;
      const hopeless = kind === "cpu" && estimate > HOPELESS * fastestOf();
      found.set(backend, hopeless ? { kind, description, stepMs: estimate, estimated: true } : await measure(backend));
    }
    const [first, second] = [...found.values()].map((m) => m.stepMs).sort((a, b) => a - b);
    if (together && second! < CLOSE * first!) {
      for (const backend of backends) if (backend.kind === "cpu") found.set(backend, await measure(backend));
    }
    const [[best, chosen], ...others] = [...found].sort(([, a], [, b]) => a.stepMs - b.stepMs) as [
      [Backend, MeasuredBackend],
    ];
    const trainer = await make(best);
    made.delete(best);
    trainer.reset();
    const measured = [chosen, ...others.map(([, m]: [Backend, MeasuredBackend]) => m)];
    return { trainer, chosen, measured, settled: Promise.resolve(measured) };
  } finally {
    // All but the chosen one, or all where something failed.
    for (const trainer of made.values())
      trainer.then(
        (t) => t.dispose(),
        () => undefined,
      );
  }
}

const cpuFirst = (backends: readonly Backend[]): readonly Backend[] => [
  ...backends.filter((b) => b.kind === "cpu"),
  ...backends.filter((b) => b.kind !== "cpu"),
];

/** Multiply-adds of a step: forward, and two products backward. */
function workOf({ model, batch, data, accumulate = 1 }: TrainerOptions): number {
  const rows = batch === "full" ? data.x.shape[0]! : accumulate * (batch ?? 32);
  return 3 * rows * multiplyAdds(withLength(model, data.x));
}

/** Milliseconds that so many steps take. */
async function takeSteps(trainer: Trainer, steps: number, signal: AbortSignal | undefined): Promise<number> {
  const start = performance.now();
  for await (const metrics of trainer.run({ steps, logEvery: steps, onNotFinite: "skip" })) {
    throwIfAborted(signal);
    void metrics;
  }
  return performance.now() - start;
}

/** So many steps tell what one costs beside what a reading does. */
const ENOUGH = 4;

/**
 * Milliseconds that each of `n` steps adds: what a reading takes, which differs by browser, a run has once in a while. Of a
 * `one` that was disturbed no more is taken off than half.
 */
const perStep = (ms: number, n: number, one: number): number =>
  n < ENOUGH ? ms / n : (ms - Math.min(one, ms / 2)) / (n - 1);

/** Milliseconds of a step, the first (which may wait for the device) apart; of several short trials the shortest. */
async function stepTime(
  trainer: Trainer,
  signal: AbortSignal | undefined,
  fastest: number,
  trials = 1,
): Promise<number> {
  const run = (steps: number): Promise<number> => takeSteps(trainer, steps, signal);
  let n = 1;
  await run(n);
  let one = await run(n);
  // Late by chance, it would take too much off.
  if (one < MEASURE_MS / ENOUGH) one = Math.min(one, await run(n));
  for (let ms = one; ; ms = await run(n)) {
    if (ms >= MEASURE_MS / 2 || n >= MEASURE_STEPS) {
      let least = ms;
      for (let more = 1; more < trials && ms < 2 * MEASURE_MS; more++) least = Math.min(least, await run(n));
      return perStep(least, n, one);
    }
    // What each further step costs: where that is far too much already, a better figure would change nothing.
    if (n > 1 && (ms - one) / (n - 1) > HOPELESS * fastest) return ms / n;
    n = Math.min(MEASURE_STEPS, Math.max(2 * n, Math.ceil((n * MEASURE_MS) / 2 / Math.max(ms, 0.05))));
  }
}

/** "CPU reference (f32, plain loops), 5300 steps/s; WebGPU: SwiftShader, 480 steps/s" */
export function choiceText(measured: readonly MeasuredBackend[]): string {
  const rate = (m: MeasuredBackend): string =>
    `${m.estimated ? "about " : ""}${Number((1000 / m.stepMs).toPrecision(3))} steps/s`;
  return measured.map((m) => `${m.description}, ${m.compiling ? "still compiling" : rate(m)}`).join("; ");
}

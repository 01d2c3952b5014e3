import { computed, effect, signal } from "@preact/signals";
import { proxy, wrap } from "comlink";
import type { GradientReport } from "../check/gradients.ts";
import { Curve } from "./curve-data.ts";
import type { BenchEvent, Engine, Progress, RunInfo } from "./engine-types.ts";
import { type Settings, settingsFor } from "./settings.ts";
import { browserLanguage, type Key, type Language, tables } from "./strings.ts";
import { fromHash, type Room, toHash } from "./url.ts";

const opened = fromHash(location.hash);

export const room = signal<Room>(opened.room);
export const settings = signal<Settings>(opened.settings);
export const language = signal<Language>(savedLanguage());
export const run = signal<RunInfo | null>(null);
export const adapter = computed(() => run.value?.adapter ?? null);
export const playing = signal(false);
export const step = signal(0);
export const loss = signal<number | null>(null);
export const stepsPerSecond = signal(0);
export const evaluation = signal<Progress["evaluation"]>(null);
export const boundary = signal<Progress["boundary"]>(null);
export const problem = signal<string | null>(null);
export const curve = new Curve();
/** Counts up whenever the curve has new points. */
export const curveVersion = signal(0);
export const report = signal<GradientReport | null>(null);
export const checking = signal(false);
export const benchEvents = signal<readonly BenchEvent[]>([]);
export const benching = signal(false);

export const t = computed(() => {
  const table = tables[language.value];
  return (key: Key): string => table[key];
});

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
const engine = wrap<Engine>(worker);

function savedLanguage(): Language {
  const saved = localStorage.getItem("language");
  return saved === "en" || saved === "zh" ? saved : browserLanguage(navigator.languages);
}

export function switchLanguage(): void {
  language.value = language.value === "en" ? "zh" : "en";
  localStorage.setItem("language", language.value);
}

effect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-Hans" : "en";
});
effect(() => {
  history.replaceState(null, "", toHash(room.value, settings.value));
});

/** Work asked of the engine, one thing after another: a quick second click waits for the first. */
let queue: Promise<unknown> = Promise.resolve();
function enqueue(work: () => Promise<unknown>): Promise<unknown> {
  queue = queue.then(work).catch((error: unknown) => {
    problem.value = error instanceof Error ? error.message : String(error);
    playing.value = false;
  });
  return queue;
}

function take(p: Progress): void {
  step.value = p.step;
  playing.value = p.playing;
  if (p.losses.length > 0) {
    curve.add(p.steps, p.losses);
    curveVersion.value++;
    loss.value = p.losses.at(-1)!;
  }
  if (p.stepsPerSecond > 0) stepsPerSecond.value = p.stepsPerSecond;
  if (p.evaluation) evaluation.value = p.evaluation;
  if (p.boundary) boundary.value = p.boundary;
  if (p.error) problem.value = p.error;
}

function clearRun(): void {
  curve.clear();
  curveVersion.value++;
  step.value = 0;
  loss.value = null;
  stepsPerSecond.value = 0;
  evaluation.value = null;
  boundary.value = null;
  report.value = null;
  problem.value = null;
}

async function configureAndPlay(): Promise<void> {
  clearRun();
  playing.value = false;
  run.value = await engine.configure(settings.value);
  await startPlaying();
}

async function startPlaying(): Promise<void> {
  playing.value = true;
  await engine.play(proxy(take));
}

/** Begins at once, with what the link says. */
export function start(): void {
  enqueue(configureAndPlay);
}

export function change(next: Partial<Settings>): void {
  const data =
    next.data !== undefined && next.data !== settings.value.data
      ? { ...settingsFor(next.data), device: settings.value.device }
      : settings.value;
  settings.value = { ...data, ...next };
  enqueue(configureAndPlay);
}

export function togglePlay(): void {
  if (playing.value) enqueue(() => engine.pause());
  else {
    problem.value = null;
    enqueue(startPlaying);
  }
}

export function stepOnce(): void {
  enqueue(async () => take(await engine.step()));
}

export function reset(): void {
  enqueue(async () => {
    const first = await engine.reset();
    clearRun();
    take(first);
  });
}

export function checkNow(): void {
  checking.value = true;
  enqueue(async () => {
    try {
      report.value = await engine.gradients();
    } finally {
      checking.value = false;
    }
  });
}

export function startBenchmark(max: number): void {
  benchEvents.value = [];
  benching.value = true;
  enqueue(async () => {
    try {
      await engine.benchmark(
        max,
        proxy((event: BenchEvent) => {
          benchEvents.value = [...benchEvents.value, event];
        }),
      );
    } finally {
      benching.value = false;
    }
  });
}

export function cancelBenchmark(): void {
  void engine.cancelBenchmark();
}

import { computed, effect, signal } from "@preact/signals";
import { proxy } from "comlink";
import type { AdapterInfo, DroppedFile, OwnData, OwnInfo, Pictures, Progress, RunInfo } from "../worker/types.ts";
import { engine } from "./engine.ts";
import { curveVersion, keepRun, kept, live, nameOf, newRun } from "./runs.ts";
import { followSaved, lookForSaved } from "./saved.ts";
import { endsOf, type Fault, OWN, type Settings, settingsFor, withFault } from "./settings.ts";
import { fromHash, type Part, type Room, toHash } from "./url.ts";

const opened = fromHash(location.hash);

export const room = signal<Room>(opened.room);
export const settings = signal<Settings>(opened.settings);
export const hiddenParts = signal<readonly Part[]>(opened.hidden);
export const own = signal<OwnInfo | null>(null);
/** What the data asks of a net. */
export const ends = computed(() => endsOf(settings.value.data, own.value));
export const run = signal<RunInfo | null>(null);
/** What became known of the run's device since it was set up: apart, since `run` tells one run from the next. */
const deviceNews = signal<Partial<AdapterInfo>>({});
export const adapter = computed(() => run.value && { ...run.value.adapter, ...deviceNews.value });

export function setRun(info: RunInfo): void {
  deviceNews.value = {};
  run.value = info;
}
export const playing = signal(false);
export const step = signal(0);
export const loss = signal<number | null>(null);
export const stepsPerSecond = signal(0);
export const evaluation = signal<Progress["evaluation"]>(null);
export const pictures = signal<Pictures | null>(null);
/** What became of a lost device; null while none was lost. */
export const recovery = signal<Progress["recovery"]>(null);
export const problem = signal<string | null>(null);
/** Counts up when the weights are no longer those that a check, a story or a picture was made of. */
export const generation = signal(0);

effect(() => {
  history.replaceState(null, "", toHash({ room: room.value, settings: settings.value, hidden: hiddenParts.value }));
});

/** Work asked of the engine, one thing after another: a quick second click waits for the first. */
let queue: Promise<unknown> = Promise.resolve();
export function enqueue(work: () => Promise<unknown>): Promise<unknown> {
  queue = queue.then(work).catch((error: unknown) => {
    problem.value = error instanceof Error ? error.message : String(error);
    playing.value = false;
  });
  return queue;
}

export function take(p: Progress): void {
  step.value = p.step;
  playing.value = p.playing;
  loss.value = p.loss;
  if (p.curve && p.curve.points.length > 0) {
    live.value.curve.add(p.curve);
    curveVersion.value++;
  }
  if (p.stepsPerSecond > 0) stepsPerSecond.value = p.stepsPerSecond;
  if (p.evaluation) {
    live.value.evaluations.add(p.step, p.evaluation);
    evaluation.value = p.evaluation;
  }
  if (p.pictures) pictures.value = p.pictures;
  if (p.error) problem.value = p.error;
  followSaved(p.step, p.unsaved);
  if (p.recovery) recovery.value = p.recovery;
  // The run goes on elsewhere, and the page says so.
  if (p.recovery?.kind === "moved" || p.recovery?.kind === "faster") {
    const { description } = p.recovery;
    const moved = p.recovery.kind === "moved";
    deviceNews.value = {
      description,
      measured: [],
      ...(moved ? { kind: "cpu", software: false } : { kind: "webgpu" }),
    };
  }
  if (p.measured) deviceNews.value = { ...deviceNews.value, measured: p.measured };
}

export function clearRun(): void {
  live.value = newRun(nameOf(settings.value));
  curveVersion.value++;
  step.value = 0;
  loss.value = null;
  stepsPerSecond.value = 0;
  evaluation.value = null;
  problem.value = null;
  recovery.value = null;
  generation.value++;
}

async function configureAndPlay(): Promise<void> {
  clearRun();
  pictures.value = null;
  playing.value = false;
  setRun(await engine.configure(settings.value));
  void lookForSaved();
  await beforePlaying[room.value]?.();
  // A story is told of numbers that stand still.
  if (room.value !== "backprop") await startPlaying();
}

export async function startPlaying(): Promise<void> {
  playing.value = true;
  await engine.play(proxy(take));
}

/** What a room does with a run before it plays. */
let beforePlaying: Partial<Record<Room, () => Promise<void>>> = {};

/** Begins at once, with what the link says. */
export function start(before: typeof beforePlaying): void {
  beforePlaying = before;
  enqueue(configureAndPlay);
}

/** A link pasted into the address bar of the open page. */
addEventListener("hashchange", () => {
  const next = fromHash(location.hash);
  room.value = next.room;
  hiddenParts.value = next.hidden;
  settings.value = next.settings;
  enqueue(configureAndPlay);
});

export function change(next: Partial<Settings>): void {
  const data = next.data ?? settings.value.data;
  const base = data === settings.value.data ? settings.value : { ...settingsFor(data), device: settings.value.device };
  settings.value = { ...base, ...next };
  enqueue(configureAndPlay);
}

/** Switches a fault on or off; the right run is kept beside the broken one. */
export function setFault(fault: Fault): void {
  if (settings.value.fault === "none" && fault !== "none" && kept.value.length === 0) keepRun();
  settings.value = withFault(settings.value, fault, own.value);
  enqueue(configureAndPlay);
}

/** Trains on what the user painted or dropped. */
export function trainOn(data: OwnData): void {
  trainOnOwn(() => engine.own(data));
}

export function trainOnOwn(read: () => Promise<OwnInfo>): Promise<unknown> {
  return enqueue(async () => {
    own.value = await read();
    const base = settings.value.data === OWN ? settings.value : { ...settingsFor(OWN), device: settings.value.device };
    settings.value = base;
    await configureAndPlay();
  });
}

/** What was changed about the net that was dropped last, for people. */
export const netNotes = signal<readonly string[]>([]);

/** Weights of other names than the net's, and how they would be taken; null where nothing is to be asked. */
export const weightsAsked = signal<{ readonly files: readonly DroppedFile[]; readonly text: string } | null>(null);

/** Trains the net of another library's files, or the one that is there from their weights on. */
export function takeNet(files: readonly DroppedFile[], byOrder = false): void {
  enqueue(async () => {
    const taken = await engine.takeNet(files, ends.value, byOrder);
    weightsAsked.value = "ask" in taken ? { files, text: taken.ask } : null;
    if ("ask" in taken) return;
    const { net, bias, notes } = taken;
    netNotes.value = notes;
    settings.value = { ...settings.value, net, bias, fault: "none" };
    await configureAndPlay();
  });
}

export function togglePlay(): void {
  if (playing.value) enqueue(() => engine.pause());
  else {
    problem.value = null;
    enqueue(startPlaying);
  }
}

/** Steps a second to watch at; 0 for as many as the device takes. */
export const speed = signal(0);
export function setSpeed(stepsPerSecond: number): void {
  speed.value = stepsPerSecond;
  void engine.speed(stepsPerSecond || null);
}

export function takeSteps(n: number): void {
  enqueue(async () => {
    take(await engine.steps(n));
    generation.value++;
  });
}

export function rewind(): void {
  enqueue(async () => {
    const first = await engine.reset();
    clearRun();
    take(first);
  });
}

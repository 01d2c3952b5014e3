/** The page's state and all that changes it, which share one queue: what acts on one signal asks for most of the others. */

import { computed, effect, signal } from "@preact/signals";
import { proxy } from "comlink";
import type { AdapterInfo, DroppedFile, OwnData, OwnInfo, Pictures, Progress, RunInfo } from "../worker/types.ts";
import { draftWrong } from "./editing.ts";
import { engine } from "./engine.ts";
import { tableChoice } from "./folder.ts";
import { language } from "./language.ts";
import { curveVersion, keepRun, kept, live, nameOf, newRun } from "./runs.ts";
import { followSaved, lookForSaved } from "./saved.ts";
import { endsOf, type Fault, OWN, type Settings, settingsFor, withFault } from "./settings.ts";
import { fromHash, type Part, type Room, toHash } from "./url.ts";

const opened = fromHash(location.hash);

export const room = signal<Room>(opened.room);
export const settings = signal<Settings>(opened.settings);
/** What the link says of a net that has not been unpacked yet. */
const packed = signal(opened.graph);
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
  const graph = packed.value ?? settings.value.graph?.link ?? null;
  history.replaceState(
    null,
    "",
    toHash({ room: room.value, settings: settings.value, graph, hidden: hiddenParts.value }),
  );
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

/** Unpacks the net of a link; what is wrong with it, where something is, and then the data's own net trains. */
async function unpack(): Promise<string | null> {
  if (packed.value === null) return null;
  try {
    const { unpackNet } = await import("./net-link.ts");
    settings.value = { ...settings.value, graph: await unpackNet(packed.value, ends.value) };
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    packed.value = null;
  }
}

/** A text is read before the net of a link is held against it, and has a net of its own: dense layers take no tokens. */
async function prepareText(): Promise<string | null> {
  if (!settings.value.text) return unpack();
  const { netFor, readText } = await import("./text-run.ts");
  // Of the run that is left: what its net took.
  const before = run.value?.text;
  own.value = await readText(settings.value, own.value);
  const wrong = await unpack();
  settings.value = { ...settings.value, graph: await netFor(settings.value, own.value, before ?? undefined) };
  return wrong;
}

export async function configureAndPlay(): Promise<void> {
  const wrong = await prepareText();
  clearRun();
  problem.value = wrong;
  pictures.value = null;
  playing.value = false;
  setRun(await engine.configure(settings.value));
  void lookForSaved();
  await beforePlaying[room.value]?.();
  // A story is told of numbers that stand still.
  if (room.value !== "backprop") await startPlaying();
}

/** Frames of a page that nobody sees do not come. */
const FRAME_MS = 100;

/** When all that was set until now has been drawn. */
const nextFrame = (): Promise<void> =>
  new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, FRAME_MS);
  });

export async function startPlaying(): Promise<void> {
  if (!mayTrain()) return;
  playing.value = true;
  // News of a run that has been left since then may still come.
  const { id } = live.value;
  await engine.play(
    proxy((p: Progress) => {
      if (live.value.id === id) take(p);
      return nextFrame();
    }),
  );
}

/** Nothing trains while the layers in the editor make no net. */
function mayTrain(): boolean {
  if (draftWrong.value === null) return true;
  problem.value = draftWrong.value;
  return false;
}

export function pause(): void {
  enqueue(() => engine.pause());
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
  packed.value = next.graph;
  enqueue(configureAndPlay);
});

let changes = 0;

export function change(next: Partial<Settings>): void {
  const data = next.data ?? settings.value.data;
  const base = data === settings.value.data ? settings.value : { ...settingsFor(data), device: settings.value.device };
  settings.value = { ...base, ...next };
  // Of several changes that come while one is set up, the last sets up all of them.
  const mine = ++changes;
  enqueue(async () => {
    if (mine === changes) await configureAndPlay();
  });
}

/** Trains a preset of a net of any wiring, as it is. */
export function takePreset(name: string): void {
  enqueue(async () => {
    const { presetSettings } = await import("./net-link.ts");
    settings.value = { ...presetSettings(name), device: settings.value.device };
    await configureAndPlay();
  });
}

/** Trains two convolutions on images of the user's, of shape [channels, height, width]. */
export function takeImageNet(shape: readonly number[]): void {
  enqueue(async () => {
    const { imageForm } = await import("./net-link.ts");
    const form = await imageForm(shape, ends.value.outputs, settings.value);
    settings.value = { ...settings.value, ...form };
    await configureAndPlay();
  });
}

/** Switches a fault on or off; the right run is kept beside the broken one. */
export function setFault(fault: Fault): void {
  if (settings.value.fault === "none" && fault !== "none" && kept.value.length === 0) keepRun();
  settings.value = withFault(settings.value, fault, own.value);
  enqueue(configureAndPlay);
}

/** Trains on what the user painted or dropped. */
export function trainOn(data: OwnData): void {
  trainOnOwn(() => engine.own(data, language.value));
}

/** The settings, without a net of their own that takes other data than there is now. */
async function fitting(s: Settings): Promise<Settings> {
  if (!s.graph) return s;
  const { misfit } = await import("./net-form.ts");
  return misfit(s.graph.model, ends.value, "") === null ? s : { ...s, graph: null };
}

/** Trains on data of the user's, once it is read; `more` is what it asks of the settings. */
export function trainOnOwn(read: () => Promise<OwnInfo>, more: Partial<Settings> = {}): Promise<unknown> {
  return enqueue(async () => {
    own.value = await read();
    const base =
      settings.value.data === OWN && !settings.value.text
        ? settings.value
        : { ...settingsFor(OWN), device: settings.value.device };
    settings.value = await fitting({ ...base, ...more });
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
    const { notes, own: rows, ...form } = taken;
    netNotes.value = notes;
    if (rows) {
      own.value = rows;
      tableChoice.value = { ...tableChoice.value, task: rows.table?.task };
    }
    settings.value = { ...settings.value, ...form, fault: "none" };
    await configureAndPlay();
  });
}

export function togglePlay(): void {
  if (playing.value) pause();
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
  if (!mayTrain()) return;
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

import { computed, signal } from "@preact/signals";
import { engine } from "../../state/engine.ts";
import { problem } from "../../state/store.ts";
import { SIDE } from "../../worker/conv-sizes.ts";
import type { ConvParameters, ConvSetup, ConvStory } from "../../worker/conv-story.ts";
import { type Cell, framesOf } from "./frames.ts";

/** Images to begin with, one of each class: an upright line, a level one, a slanting one. */
const images: readonly string[] = [
  "001000 001000 001000 001500 000510 000100",
  "000000 000000 111500 000511 000000 000000",
  "100000 510000 051000 005100 000510 000051",
];
/** 5 stands for a half. */
const pixels = (image: string): readonly number[] =>
  [...image.replaceAll(" ", "")].map((c) => (c === "5" ? 0.5 : Number(c)));

export const setup = signal<ConvSetup>({
  kernels: 1,
  padding: 0,
  stride: 1,
  x: pixels(images[0]!),
  label: 0,
  parameters: null,
});
export const story = signal<ConvStory | null>(null);
export const frames = computed(() => (story.value ? framesOf(story.value) : []));
export const at = signal(0);
export const frame = computed(() => frames.value[at.value] ?? null);
/** What the pointer or the keyboard is on; it is explained in place of the picture's own cell. */
export const looked = signal<Cell | null>(null);
/** The number that the field edits: a cell of the input or of a kernel. */
export const chosen = signal<Cell>({ map: "kernels", index: 1 });

/** What nudging the chosen weight showed. */
export interface Nudge {
  readonly index: number;
  readonly up: number;
  readonly down: number;
  readonly numeric: number;
  readonly analytic: number;
}
export const nudge = signal<Nudge | null>(null);
/** By how much: small beside every number here, and large beside what f64 rounds. */
export const NUDGE = 1e-5;

let asked = 0;

/** Computes the story of other settings; of several in a row the last counts. */
export async function set(next: Partial<ConvSetup>): Promise<void> {
  setup.value = { ...setup.value, ...next };
  const mine = ++asked;
  try {
    const found = await engine.convStory(setup.value);
    if (mine !== asked) return;
    const phase = frame.value?.phase;
    const same = frames.value.length;
    story.value = found;
    nudge.value = null;
    setup.value = { ...setup.value, parameters: found.parameters };
    // Another size has other pictures: the film stays in its phase.
    if (frames.value.length !== same) {
      at.value = Math.max(
        0,
        frames.value.findIndex((f) => f.phase === phase),
      );
      looked.value = null;
      if (!exists(chosen.value)) chosen.value = { map: "kernels", index: 1 };
    }
  } catch (error) {
    problem.value = String(error);
  }
}

export function takeImage(label: number): void {
  void set({ label, x: pixels(images[label]!) });
}

function exists({ map, index }: Cell): boolean {
  return map === "input" ? index < SIDE ** 2 : index < (story.value?.parameters.kernels.length ?? 0);
}

const replaced = (list: readonly number[], index: number, v: number): readonly number[] =>
  list.map((old, i) => (i === index ? v : old));

/** Gives a cell of the input, or a weight of a kernel, another value. */
export function edit({ map, index }: Cell, v: number): void {
  const { x, parameters } = setup.value;
  if (map === "input") void set({ x: replaced(x, index, v) });
  else if (parameters) {
    void set({ parameters: { ...parameters, kernels: replaced(parameters.kernels, index, v) } });
  }
}

/** Computes the loss with one weight a little larger and a little smaller: the slope, without any rule. */
export async function nudgeWeight(index: number): Promise<void> {
  const s = story.value;
  if (!s) return;
  const lossAt = async (by: number): Promise<number> => {
    const kernels = replaced(s.parameters.kernels, index, s.parameters.kernels[index]! + by);
    return (await engine.convStory({ ...setup.value, parameters: { ...s.parameters, kernels } })).loss;
  };
  const [up, down] = [await lossAt(NUDGE), await lossAt(-NUDGE)];
  if (s !== story.value) return;
  nudge.value = { index, up, down, numeric: (up - down) / (2 * NUDGE), analytic: s.gradients.kernels[index]! };
}

/** How far a step goes against the gradient. */
export const RATE = 0.1;

/** All numbers a step further against their gradients. */
export function descend(): void {
  const s = story.value;
  if (!s) return;
  const moved = (key: keyof ConvParameters): readonly number[] =>
    s.parameters[key].map((v, i) => v - RATE * s.gradients[key][i]!);
  const parameters: ConvParameters = {
    kernels: moved("kernels"),
    kernelBias: moved("kernelBias"),
    weights: moved("weights"),
    bias: moved("bias"),
  };
  void set({ parameters });
}

export function goTo(picture: number): void {
  at.value = Math.max(0, Math.min(frames.value.length - 1, picture));
  looked.value = null;
}

const PLAY_MS = 600;
export const playing = signal(false);
let timer: ReturnType<typeof setInterval> | undefined;

export function stop(): void {
  clearInterval(timer);
  playing.value = false;
}

/** The film by itself, from its beginning where it is at its end. */
export function play(): void {
  if (at.value === frames.value.length - 1) goTo(0);
  playing.value = true;
  timer = setInterval(() => {
    goTo(at.value + 1);
    if (at.value === frames.value.length - 1) stop();
  }, PLAY_MS);
}

import { computed, signal } from "@preact/signals";
import { engine } from "../../state/engine.ts";
import { problem } from "../../state/store.ts";
import { SIDE } from "../../worker/conv-sizes.ts";
import type { ConvParameters, ConvSetup, ConvStory } from "../../worker/conv-story.ts";
import { descended, type Nudge, nudged, replaced } from "../film/numbers.ts";
import { player } from "../film/player.ts";
import { type Cell, type Frame, framesOf } from "./frames.ts";

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
export const film = player<Frame, Cell>(computed(() => (story.value ? framesOf(story.value) : [])));
/** The number that the field edits: a cell of the input or of a kernel. */
export const chosen = signal<Cell>({ map: "kernels", index: 1 });

export const nudge = signal<Nudge | null>(null);

let asked = 0;

/** Computes the story of other settings; of several in a row the last counts. */
export async function set(next: Partial<ConvSetup>): Promise<void> {
  setup.value = { ...setup.value, ...next };
  const mine = ++asked;
  try {
    const found = await engine.convStory(setup.value);
    if (mine !== asked) return;
    const phase = film.frame.value?.phase;
    const same = film.frames.value.length;
    story.value = found;
    nudge.value = null;
    setup.value = { ...setup.value, parameters: found.parameters };
    // Another size has other pictures: the film stays in its phase.
    if (film.frames.value.length !== same) {
      film.goTo(film.frames.value.findIndex((f) => f.phase === phase));
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

/** Gives a cell of the input, or a weight of a kernel, another value. */
export function edit({ map, index }: Cell, v: number): void {
  const { x, parameters } = setup.value;
  if (map === "input") void set({ x: replaced(x, index, v) });
  else if (parameters) {
    void set({ parameters: { ...parameters, kernels: replaced(parameters.kernels, index, v) } });
  }
}

/** Holds one weight's gradient against the loss with it a little larger and a little smaller. */
export async function nudgeWeight(index: number): Promise<void> {
  const s = story.value;
  if (!s) return;
  const found = await nudged(async (by) => {
    const kernels = replaced(s.parameters.kernels, index, s.parameters.kernels[index]! + by);
    return (await engine.convStory({ ...setup.value, parameters: { ...s.parameters, kernels } })).loss;
  }, s.gradients.kernels[index]!);
  if (s === story.value) nudge.value = found;
}

/** All numbers a step further against their gradients. */
export function descend(): void {
  const s = story.value;
  if (!s) return;
  const moved = (key: keyof ConvParameters): readonly number[] => descended(s.parameters[key], s.gradients[key]);
  const parameters: ConvParameters = {
    kernels: moved("kernels"),
    kernelBias: moved("kernelBias"),
    weights: moved("weights"),
    bias: moved("bias"),
  };
  void set({ parameters });
}

import { computed, signal } from "@preact/signals";
import { engine } from "../../state/engine.ts";
import { problem } from "../../state/store.ts";
import type { AttentionParameters, AttentionSetup, AttentionStory } from "../../worker/attention-story.ts";
import { descended, type Nudge, nudged, replaced } from "../film/numbers.ts";
import { player } from "../film/player.ts";
import { type Cell, type Frame, framesOf, isProjection, mapOf } from "./frames.ts";

/** The third of four steps: one before it to look back at, and one behind it that the mask hides. */
export const setup = signal<AttentionSetup>({
  steps: 4,
  width: 3,
  causal: true,
  query: 2,
  x: null,
  target: null,
  parameters: null,
});
export const story = signal<AttentionStory | null>(null);
export const film = player<Frame, Cell>(computed(() => (story.value ? framesOf(story.value) : [])));
const firstChosen: Cell = { map: "wq", index: 0 };
/** The number that the field edits. */
export const chosen = signal<Cell>(firstChosen);
export const nudge = signal<Nudge | null>(null);

let asked = 0;

/** Computes the story of other settings; of several in a row the last counts. */
export async function set(next: Partial<AttentionSetup>): Promise<void> {
  const wished = { ...setup.value, ...next };
  setup.value = { ...wished, query: Math.min(wished.query, wished.steps - 1) };
  const mine = ++asked;
  try {
    const found = await engine.attentionStory(setup.value);
    if (mine !== asked) return;
    const phase = film.frame.value?.phase;
    const before = film.frames.value.length;
    story.value = found;
    nudge.value = null;
    setup.value = { ...setup.value, x: found.x.values, target: found.target, parameters: parametersOf(found) };
    // Another size has other pictures: the film stays in its phase.
    if (film.frames.value.length !== before) {
      film.goTo(film.frames.value.findIndex((f) => f.phase === phase));
      chosen.value = firstChosen;
    }
  } catch (error) {
    problem.value = String(error);
  }
}

const parametersOf = (s: AttentionStory): AttentionParameters => ({
  wq: s.wq.values,
  wk: s.wk.values,
  wv: s.wv.values,
});

/** What the story is made of, with one number changed. */
function changed(s: AttentionStory, { map, index }: Cell, v: number): Partial<AttentionSetup> {
  const list = replaced(mapOf(s, map).values, index, v);
  return isProjection(map) ? { parameters: { ...parametersOf(s), [map]: list } } : { [map]: list };
}

export function edit(cell: Cell, v: number): void {
  if (story.value) void set(changed(story.value, cell, v));
}

/** Holds one number's gradient against the loss with it a little larger and a little smaller. */
export async function nudgeCell(cell: Cell): Promise<void> {
  const s = story.value;
  if (!s) return;
  const { values, deltas } = mapOf(s, cell.map);
  const found = await nudged(
    async (by) => (await engine.attentionStory({ ...setup.value, ...changed(s, cell, values[cell.index]! + by) })).loss,
    deltas[cell.index]!,
  );
  if (s === story.value) nudge.value = found;
}

/** All projections a step further against their gradients. */
export function descend(): void {
  const s = story.value;
  if (!s) return;
  const moved = (map: keyof AttentionParameters): readonly number[] => descended(s[map].values, s[map].deltas);
  void set({ parameters: { wq: moved("wq"), wk: moved("wk"), wv: moved("wv") } });
}

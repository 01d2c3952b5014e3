import { effect, signal } from "@preact/signals";
import { engine } from "../../state/engine.ts";
import { enqueue, generation, room, run } from "../../state/store.ts";
import type { TokenStory } from "../../worker/token-story.ts";

export const story = signal<TokenStory | null>(null);
/** The step whose loss goes back; null where all do. The story follows. */
export const of = signal<number | null>(null);

/** A slider asks faster than it is answered: of several questions the last. */
let asked = 0;

/** Window number `row`; a run that plays is paused, so that numbers stand still. */
export function tell(row: number): void {
  const mine = ++asked;
  enqueue(async () => {
    if (mine !== asked) return;
    story.value = await engine.tokenStory(row, of.peek());
  });
}

/** Chooses the step whose loss goes back, counted from 1; 0 for all. */
export function choose(step: number): void {
  of.value = step === 0 ? null : step - 1;
  tell(story.peek()?.row ?? 0);
}

export function move(by: number): void {
  const next = (of.peek() ?? -1) + 1 + by;
  if (next >= 0 && next <= (story.peek()?.pieces.length ?? -1)) choose(next);
}

/** Tells the story of each new run of a text, while the room is open. */
export function opened(): () => void {
  return effect(() => {
    void generation.value;
    if (room.value !== "backprop" || !run.value?.text) return;
    // Windows of another text may be shorter.
    if ((of.peek() ?? 0) >= run.value.text.length) of.value = null;
    tell(story.peek()?.row ?? 0);
  });
}

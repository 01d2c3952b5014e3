import { computed, effect, signal } from "@preact/signals";
import { engine } from "../state/engine.ts";
import { enqueue, generation, playing, room, run } from "../state/store.ts";
import type { Story } from "../worker/story.ts";
import { type Focus, framesOf } from "./frames.ts";

/** What the room shows: nodes and edges of the net that is set up, or a convolution or a row of attention of its own. */
export const views = ["net", "convolution", "attention"] as const;
export const view = signal<(typeof views)[number]>("net");

export const story = signal<Story | null>(null);
export const frames = computed(() => (story.value ? framesOf(story.value) : []));
export const at = signal(0);
/** What the pointer is on. */
export const hovered = signal<Focus | null>(null);

/** Row number `row` through the net as it is now; a run that plays is paused, so that numbers stand still. */
export function tell(row: number): void {
  enqueue(async () => {
    story.value = await engine.story(row);
    at.value = Math.min(at.value, frames.value.length - 1);
  });
}

export function move(by: number): void {
  at.value = Math.max(0, Math.min(frames.value.length - 1, at.value + by));
  hovered.value = null;
}

/** Tells the story of each new run, while the room is open and until it plays on. */
export function opened(): () => void {
  return effect(() => {
    void generation.value;
    if (room.value !== "backprop" || !run.value || playing.peek() === undefined) return;
    tell(story.peek()?.row ?? 0);
  });
}

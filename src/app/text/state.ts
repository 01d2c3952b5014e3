import { effect, signal } from "@preact/signals";
import { engine } from "../state/engine.ts";
import { run, step } from "../state/store.ts";
import type { OwnText, TextLook } from "../worker/types.ts";

/** A text that the net wrote, and when. */
export interface Sample {
  readonly step: number;
  readonly prompt: string;
  readonly text: string;
}

/** Samples that stay in sight, the newest first. */
const MOST_SAMPLES = 6;
/** Tokens that a sample has behind its prompt. */
const TOKENS = 100;
/** Between two samples at least, however fast the steps go: writing holds the training up. */
const PAUSE_MS = 1500;

export const cadences = [20, 100, 500] as const;
export const every = signal<number>(100);
export const seed = signal(1);
export const temperature = signal(0.8);
export const prompt = signal("");
export const typed = signal("");
export const samples = signal<readonly Sample[]>([]);
export const seen = signal<TextLook | null>(null);
export const failed = signal<string | null>(null);

/** What a text is gone on from, until someone types. */
const prompts: Readonly<Record<string, string>> = { persuasion: "Anne ", tang: "春", names: "Mar" };

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** One question at a time; of several that come meanwhile the last. */
function oneAtATime(ask: () => Promise<void>): () => void {
  let busy = false;
  let again = false;
  return async function go(): Promise<void> {
    again = busy;
    if (busy) return;
    busy = true;
    try {
      await ask();
      failed.value = null;
    } catch (cause) {
      failed.value = messageOf(cause);
    }
    busy = false;
    if (again) go();
  };
}

/** Writes a sample of the net as it is now. */
export const write = oneAtATime(async () => {
  const about = run.peek();
  const asked = { prompt: prompt.peek(), seed: seed.peek(), temperature: temperature.peek(), tokens: TOKENS };
  const found = await engine.write(asked);
  if (about !== run.peek()) return;
  samples.value = [{ ...found, prompt: asked.prompt }, ...samples.peek()].slice(0, MOST_SAMPLES);
});

/** Asks what comes behind what is typed. */
export const look = oneAtATime(async () => {
  const about = run.peek();
  const found = await engine.look(typed.peek());
  if (about === run.peek()) seen.value = found;
});

/** Writes now and then as the net learns, and looks again; from new on for each run. */
export function watch(): () => void {
  let text: OwnText | null = null;
  let about: unknown = null;
  /** When it last wrote and looked, and at which step: the first time as soon as there are steps. */
  let wrote = { at: 0, step: 0 };
  let looked = { at: 0, step: 0 };
  return effect(() => {
    const [info, now] = [run.value, step.value];
    if (!info?.text) return;
    if (info !== about || now < wrote.step) {
      samples.value = [];
      seen.value = null;
      about = info;
      looked = { at: performance.now(), step: 0 };
      wrote = looked;
      if (!text || text.preset !== info.text.preset || text.start !== info.text.start) {
        const first = prompts[info.text.preset ?? ""] ?? info.text.start;
        prompt.value = first;
        typed.value = first;
      }
      text = info.text;
      look();
    }
    const due = (last: typeof wrote, steps: number): boolean =>
      now >= last.step + steps && performance.now() >= last.at + PAUSE_MS;
    const current = { at: performance.now(), step: now };
    if (due(wrote, wrote.step === 0 ? 1 : every.peek())) {
      wrote = current;
      write();
    }
    if (due(looked, 1)) {
      looked = current;
      look();
    }
  });
}

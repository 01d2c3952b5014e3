import { turn } from "../../core/turn.ts";
import { CurveRecorder } from "../state/curve.ts";
import { news, status } from "./news.ts";
import { current } from "./session.ts";
import type { Progress } from "./types.ts";

/** Time between two pieces of news to the page. */
const NEWS_MS = 100;
/** Time between two evaluations with their pictures: so many times what one takes, within these bounds. */
const EVALUATE_SHARE = 2;
const EVALUATE_MS = [200, 2000] as const;
/** Of a net that is much work: so many times what one takes however long that is, and steps between two. */
const SLOW_SHARE = 9;
const SLOW_STEPS = 10;

/** Time between two saves of a run that plays; the least that must have passed for another when it is paused. */
const SAVE_MS = 15_000;
const PAUSED_SAVE_MS = 2000;
/** And at least so many times what the last save took. */
const SAVE_SHARE = 30;

let playing: { readonly abort: AbortController; readonly done: Promise<void> } | null = null;
/** Whether the run that plays is about to go: nobody waits for what it would say of itself. */
let leaving = false;
/** Steps a second, for people who want to watch; null for as many as the device takes. */
let speed: number | null = null;

export function setSpeed(stepsPerSecond: number | null): void {
  speed = stepsPerSecond;
}

/** Stops playing, if it does, after the steps that are queued. */
export async function stop(): Promise<void> {
  playing?.abort.abort();
  await playing?.done;
}

/** The same before another run takes its place. */
export async function leave(): Promise<void> {
  leaving = true;
  await stop();
  leaving = false;
}

/** The page's ear. Its promise, if it gives one, resolves when what it heard has been drawn. */
type Listener = (p: Progress) => void | Promise<void>;

/** Takes steps until told otherwise, and tells the page now and then. */
export function play(listener: Listener): void {
  if (playing) return;
  const abort = new AbortController();
  const done = Promise.resolve().then(() => train(listener, abort.signal));
  playing = { abort, done };
  status.playing = true;
}

async function train(listener: Listener, signal: AbortSignal): Promise<void> {
  const { trainer, recorder } = current();
  // The first step is taken by itself and drawn before the run takes every core; the first evaluation, whose kernels have
  // to be compiled, comes a little later.
  let since = 0;
  let evaluateAt = performance.now() + EVALUATE_MS[0];
  let taken = 0;
  let unseen = 0;
  let error: string | null = null;
  let savedAt = performance.now();
  let saveAt = savedAt + SAVE_MS;
  const saveRun = async (): Promise<void> => {
    const start = performance.now();
    status.unsaved = await (await import("./saved-run.ts")).save(current());
    savedAt = performance.now();
    saveAt = savedAt + Math.max(SAVE_MS, SAVE_SHARE * (savedAt - start));
  };
  const tell = async (): Promise<void> => {
    const now = performance.now();
    const picture = now > evaluateAt && unseen >= SLOW_STEPS;
    const stepsPerSecond = since === 0 ? 0 : (1000 * taken) / (now - since);
    const drawn = listener(await news({ stepsPerSecond, picture }));
    if (since === 0) await drawn;
    taken = 0;
    since = performance.now();
    if (picture) {
      const cost = since - now;
      const pause = Math.min(EVALUATE_MS[1], Math.max(EVALUATE_MS[0], EVALUATE_SHARE * cost));
      evaluateAt = since + (cost < EVALUATE_MS[1] / EVALUATE_SHARE ? pause : SLOW_SHARE * cost);
      unseen = 0;
    }
    // The page's calls (pause, reset) come between. Not a timer: a hidden page may have one a second.
    await turn();
  };
  try {
    while (!signal.aborted) {
      const slow = speed;
      const many = slow === null ? 1_000_000_000 : Math.max(1, Math.round((slow * NEWS_MS) / 1000));
      const steps = since === 0 ? 1 : many;
      const start = performance.now();
      // Ends a stretch after the steps that are queued, so that the curve and the weights are at the same step.
      const stretch = new AbortController();
      const end = (): void => stretch.abort();
      signal.addEventListener("abort", end);
      for await (const m of trainer.run({ steps, signal: stretch.signal })) {
        recorder.add(m);
        taken++;
        unseen++;
        if (performance.now() - since >= NEWS_MS) await tell();
        if (speed !== slow || performance.now() >= saveAt) end();
      }
      signal.removeEventListener("abort", end);
      if (performance.now() >= saveAt) await saveRun();
      if (slow !== null) {
        await tell();
        await new Promise((resolve) => setTimeout(resolve, (1000 * steps) / slow - (performance.now() - start)));
      }
    }
    if (performance.now() - savedAt >= PAUSED_SAVE_MS) await saveRun();
  } catch (cause) {
    error = cause instanceof Error ? cause.message : String(cause);
  }
  playing = null;
  status.playing = false;
  if (leaving) return;
  // What cannot be evaluated any more is told all the same.
  const last = await news({ picture: true, error }).catch((cause: Error) => news({ error: error ?? cause.message }));
  listener(last);
}

/** So many steps, no more. */
export async function takeSteps(n: number): Promise<Progress> {
  await stop();
  const { trainer, recorder } = current();
  let error: string | null = null;
  try {
    for await (const m of trainer.run({ steps: n })) {
      recorder.add(m);
    }
  } catch (cause) {
    error = cause instanceof Error ? cause.message : String(cause);
  }
  return news({ picture: true, error });
}

/** Back to the first weights: the same run again. */
export async function rewind(): Promise<Progress> {
  await stop();
  const session = current();
  session.trainer.reset();
  session.recorder = new CurveRecorder();
  session.evaluations = [];
  return news({ picture: true });
}

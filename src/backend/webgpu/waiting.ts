/** An idle queue says within a millisecond that its work is done; its first answer may take longer. */
const IDLE_MS = 16;

/** Questions that may go unanswered either way: on a machine that is too busy, nothing is learned. */
const MOST = 64;

/** What else is asked of a queue. */
export interface Traffic {
  /** What was submitted or waited for so far. */
  readonly requests: number;
  /** How many wait for work of it. */
  readonly waiting: number;
}

/**
 * True where the queue tells what is done only at a tick of its own, or as soon as something is submitted. That shows on
 * an idle queue alone: a question counts where nothing was asked of it meanwhile, and none is put as long as somebody
 * waits. An answer may come at a tick by chance, but not two in a row.
 */
export async function waitsSlowly(queue: GPUQueue, traffic: Traffic): Promise<boolean> {
  let [slow, fast] = [0, 0];
  for (let asked = 0; asked < MOST && slow < 2 && fast < 2; ) {
    const { requests } = traffic;
    const idle = (): boolean => traffic.waiting === 0 && traffic.requests === requests;
    if (!idle()) {
      await pause(IDLE_MS);
      continue;
    }
    asked++;
    const done = queue.onSubmittedWorkDone().then(yes, yes);
    if (await soon(done)) {
      if (idle()) fast++;
      continue;
    }
    fast = 0;
    if (!idle()) continue;
    queue.submit([]);
    if ((await soon(done)) && idle()) slow++;
  }
  return slow === 2;
}

const yes = (): true => true;

const pause = <T>(ms: number, value?: T): Promise<T> => new Promise((resolve) => setTimeout(resolve, ms, value));

const soon = (done: Promise<true>): Promise<boolean> => Promise.race([done, pause(IDLE_MS, false)]);

/** An idle queue says within a millisecond that its work is done; its first answer may take longer. */
const IDLE_MS = 16;

/** Questions that may go unanswered either way: on a machine that is too busy, nothing is learned. */
const MOST = 8;

/**
 * True where the queue tells what is done only at a tick of its own, or as soon as something is submitted: seen on an
 * idle queue, so nothing else may be submitted meanwhile. An answer may come at a tick by chance, but not two in a row.
 */
export async function waitsSlowly(queue: GPUQueue): Promise<boolean> {
  let [slow, fast] = [0, 0];
  for (let asked = 0; asked < MOST && slow < 2 && fast < 2; asked++) {
    const done = queue.onSubmittedWorkDone().then(yes, yes);
    if (await soon(done)) fast++;
    else {
      fast = 0;
      queue.submit([]);
      if (await soon(done)) slow++;
    }
  }
  return slow === 2;
}

const yes = (): true => true;

const soon = (done: Promise<true>): Promise<boolean> =>
  Promise.race([done, new Promise<false>((resolve) => setTimeout(resolve, IDLE_MS, false))]);

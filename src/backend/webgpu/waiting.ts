/** An idle queue says within a millisecond that its work is done; its first answer may take longer. */
const IDLE_MS = 16;

/**
 * True where the queue tells what is done only at a tick of its own, or as soon as something is submitted: seen on an
 * idle queue, so nothing else may be submitted meanwhile. The best of three: a wait may end at a tick by chance.
 */
export async function waitsSlowly(queue: GPUQueue): Promise<boolean> {
  let [slow, fast] = [0, 0];
  while (slow < 2 && fast < 2) {
    const done = queue.onSubmittedWorkDone().then(yes, yes);
    if (await soon(done)) fast++;
    else {
      queue.submit([]);
      if (await soon(done)) slow++;
      else fast++;
    }
  }
  return slow === 2;
}

const yes = (): true => true;

const soon = (done: Promise<true>): Promise<boolean> =>
  Promise.race([done, new Promise<false>((resolve) => setTimeout(resolve, IDLE_MS, false))]);

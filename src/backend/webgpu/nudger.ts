import { turn } from "../../core/turn.ts";

/** So long it looks at every turn of the event loop: short work, or a reading of what is done already. */
const SHORT_MS = 1;
/** Then again after this share of the time that it has waited: so much later, at most, is anything noticed. */
const SHARE = 1 / 16;
/** After that the queue's own tick is soon enough. */
const LONG_MS = 1600;

/**
 * Submits nothing, now and then, for as long as something is awaited: on a queue that looks at what is done when it is
 * given more, and else at a slow tick of its own. Ever more seldom, and not at all when nobody waits.
 */
export class Nudger {
  private waiting = 0;
  /** When something was last asked for, or came. */
  private since = 0;
  private turning = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly queue: GPUQueue) {}

  /** From now until `work` has settled. */
  watch(work: Promise<unknown>): void {
    const end = (): void => this.changed(-1);
    this.changed(1);
    work.then(end, end);
  }

  private changed(by: 1 | -1): void {
    this.waiting += by;
    this.since = performance.now();
    if (this.turning) return;
    clearTimeout(this.timer);
    this.nudge();
  }

  private nudge(): void {
    if (this.waiting === 0) return;
    this.queue.submit([]);
    const age = performance.now() - this.since;
    if (age < SHORT_MS) {
      this.turning = true;
      turn().then(() => {
        this.turning = false;
        this.nudge();
      });
    } else if (age < LONG_MS) this.timer = setTimeout(() => this.nudge(), age * SHARE);
  }
}

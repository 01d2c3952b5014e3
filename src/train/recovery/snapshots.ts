import type { TrainerState } from "../run/state.ts";

/** Milliseconds between two copies when nothing else was asked for. */
export const HOLD_MS = 1000;
/** Copying may take the twentieth part of the time. */
const SHARE = 20;

/** Snapshots of a run on the host, made now and then: what a lost device leaves behind. */
export class Snapshots {
  private held: TrainerState | null = null;
  /** A copy of steps that the device has taken, but whose losses nobody has seen yet. */
  private ahead: TrainerState | null = null;
  private dueAt: number;

  /** The first copy is due at once: what memory copying takes is taken from the first step on, and never more. */
  constructor(private readonly everyMs: number) {
    this.dueAt = performance.now();
  }

  get due(): boolean {
    return performance.now() >= this.dueAt;
  }

  /** Takes a copy that is on its way; nobody waits for it. `current` tells whether it still counts when it arrives. */
  take(state: Promise<TrainerState>, current: () => boolean): void {
    const start = performance.now();
    this.dueAt = Number.POSITIVE_INFINITY;
    state
      .then((copy) => {
        if (!current()) return;
        this.ahead = copy;
        const now = performance.now();
        this.dueAt = now + Math.max(this.everyMs, SHARE * (now - start));
      })
      // Whoever reads next meets the same error.
      .catch(() => undefined);
  }

  /** The newest copy of steps up to `done`; null for the run's beginning. */
  latest(done: number): TrainerState | null {
    if (this.ahead && this.ahead.step <= done) {
      this.held = this.ahead;
      this.ahead = null;
    }
    return this.held;
  }

  /** Begins anew from a state that the run was put into. */
  restart(held: TrainerState | null): void {
    this.held = held;
    this.ahead = null;
    this.dueAt = performance.now() + this.everyMs;
  }
}

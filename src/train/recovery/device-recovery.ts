import type { Backend } from "../../backend/executor.ts";
import { ChainruleError } from "../../core/errors.ts";
import { BackendRun } from "../run/backend-run.ts";
import type { TrainerOptions } from "../run/options.ts";
import { isLost, MOST_LOSSES, type RecoveryOptions, remake } from "./recovery.ts";
import { HOLD_MS, Snapshots } from "./snapshots.ts";

/**
 * A run on a backend, and where the run is: when its device is lost, the run there is made anew and goes on from the last
 * copy of the run's state.
 */
export class DeviceRecovery {
  /** Steps taken, whose losses have been read. */
  done = 0;
  /** Steps that the device will have taken when all that was asked of it is done: `done`, or more in the midst of a run. */
  queued = 0;
  /** Losses since the last step. */
  losses = 0;
  /** True once a lost device was given up: what was copied is all there is. */
  over = false;
  readonly snapshots: Snapshots;
  /** While all is being made anew: whoever meets the loss meanwhile waits for the same. */
  private reviving: Promise<void> | null = null;
  disposed = false;

  constructor(
    public run: BackendRun,
    private readonly given: TrainerOptions,
    private readonly recovery: RecoveryOptions,
  ) {
    this.snapshots = new Snapshots(recovery.holdMs ?? HOLD_MS);
  }

  /** Resolves when nothing is being made anew. */
  get ready(): Promise<void> | null {
    return this.reviving;
  }

  /** Resolves when all is back on a device, by this call's doing or another's. Throws what was no loss. */
  async outlive(failed: BackendRun, error: unknown, signal?: AbortSignal): Promise<void> {
    const elsewhere = this.reviving !== null || this.run !== failed;
    // What still was to run when another call noticed the loss, and gave everything back, says that it was disposed of.
    const late = elsewhere && error instanceof ChainruleError && error.code === "disposed";
    if (!isLost(error) && !late) throw error;
    if (this.run !== failed) return;
    this.reviving ??= this.revive(error as Error, signal).finally(() => {
      this.reviving = null;
    });
    await this.reviving;
  }

  /** Makes everything anew, goes back to the last copy, and takes the steps since then again. */
  private async revive(error: Error, signal?: AbortSignal): Promise<void> {
    const { onEvent } = this.recovery;
    const step = this.done;
    const copy = this.snapshots.latest(step);
    const from = copy?.step ?? 0;
    const start = performance.now();
    onEvent?.({ kind: "lost", step, message: error.message });
    if (++this.losses > MOST_LOSSES) throw error;
    const before = this.run.backend;
    this.run.dispose();
    const make = async (backend: Backend): Promise<BackendRun> => {
      const made = await BackendRun.create(backend, this.given);
      try {
        if (copy) made.restore(copy);
        await made.replay(from, step);
        return made;
      } catch (failure) {
        made.dispose();
        throw failure;
      }
    };
    try {
      const made = await remake(before, step, this.recovery, make, signal);
      if (this.disposed) made.dispose();
      this.run = made;
      this.queued = step;
    } catch (failure) {
      this.over = true;
      throw failure;
    }
    this.snapshots.restart(copy);
    const { backend } = this.run;
    if (backend === before) onEvent?.({ kind: "recovered", step, from, ms: performance.now() - start });
    else onEvent?.({ kind: "moved", step, from, description: backend.description });
  }

  /** Goes on elsewhere, between two steps, from the state that the run is in. */
  async moveTo(next: BackendRun): Promise<void> {
    const { run: before } = this;
    const state = await before.state();
    next.restore(state);
    this.run = next;
    this.queued = this.done;
    this.snapshots.restart(state);
    before.dispose();
    this.recovery.onEvent?.({ kind: "faster", step: this.done, description: next.backend.description });
  }

  /** Asks the device for something; where it was lost, asks again once all is back. */
  async surviving<T>(ask: (backendRun: BackendRun) => Promise<T>): Promise<T> {
    for (;;) {
      await this.reviving;
      const { run: backendRun } = this;
      try {
        return await ask(backendRun);
      } catch (error) {
        await this.outlive(backendRun, error);
      }
    }
  }

  dispose(): void {
    this.disposed = true;
    this.run.dispose();
  }
}

import { ChainruleError } from "../../core/errors.ts";
import type { Trainer } from "../../train/trainer.ts";
import { type Checkpoint, decodeCheckpoint, deviceRecord, encodeCheckpoint } from "./checkpoint.ts";
import type { Packed } from "./packed.ts";
import { type RunIdentity, requireSameRun, runIdentity } from "./run-identity.ts";

/** One of the two places that checkpoints take in turn. */
export type Slot = 0 | 1;
const SLOTS: readonly Slot[] = [0, 1];

/** Two places that outlive the process, each holding one checkpoint's bytes or nothing. */
export interface CheckpointStore {
  /** A slot's bytes; null where it is empty. */
  read(slot: Slot): Promise<Uint8Array | null>;
  /** Resolves when the bytes are there to stay. Whatever happens meanwhile, the other slot keeps what it has. */
  write(slot: Slot, bytes: Uint8Array): Promise<void>;
  /** Empties a slot. */
  remove(slot: Slot): Promise<void>;
}

/** A slot that holds something which cannot be used, and why. */
export interface RefusedSlot {
  /** Which. */
  readonly slot: Slot;
  /** What is wrong with what it holds. */
  readonly reason: string;
}

/**
 * The checkpoints of a run in a store. The newer sound one counts; a new one is written over the other, so at every
 * moment, whenever the process ends, there is a whole one.
 */
export class Checkpoints {
  private constructor(
    private readonly store: CheckpointStore,
    private newest: { readonly slot: Slot; readonly generation: number; readonly step: number } | null,
    /** The newest checkpoint as it was found; null where there was none. */
    readonly found: Checkpoint | null,
    /** What was found and cannot be used. */
    readonly refused: readonly RefusedSlot[],
  ) {}

  /** Looks at both slots. What is in neither is no error: a run that begins has none. */
  static async open(store: CheckpointStore): Promise<Checkpoints> {
    const refused: RefusedSlot[] = [];
    let found: { slot: Slot; checkpoint: Checkpoint } | null = null;
    for (const slot of SLOTS) {
      try {
        const bytes = await store.read(slot);
        if (!bytes) continue;
        const checkpoint = decodeCheckpoint(bytes);
        if (!found || checkpoint.generation > found.checkpoint.generation) found = { slot, checkpoint };
      } catch (error) {
        if (!(error instanceof ChainruleError)) throw error;
        refused.push({ slot, reason: error.message });
      }
    }
    const newest = found && {
      slot: found.slot,
      generation: found.checkpoint.generation,
      step: found.checkpoint.state.step,
    };
    return new Checkpoints(store, newest, found?.checkpoint ?? null, refused);
  }

  /** Steps of the newest checkpoint, found or saved since; null where there is none. */
  get step(): number | null {
    return this.newest?.step ?? null;
  }

  /** Whether nothing was found, sound or not. */
  get empty(): boolean {
    return this.found === null && this.refused.length === 0;
  }

  /**
   * Writes the trainer's state, between two runs of steps. Where that fails it throws, and the checkpoint before stays.
   * `run` is what `runIdentity(trainer.options)` gave, which need be asked for only once.
   */
  async save(trainer: Trainer, run: RunIdentity, extra: Packed = null): Promise<void> {
    const state = await trainer.state();
    // A device that was lost may give zeros for everything: such a state must not become a checkpoint.
    if (state.step !== trainer.stepsTaken) {
      throw new ChainruleError(
        "device",
        `the device says step ${state.step}, ${trainer.stepsTaken} were taken: nothing was saved`,
      );
    }
    const slot: Slot = this.newest?.slot === 0 ? 1 : 0;
    const generation = (this.newest?.generation ?? 0) + 1;
    await this.store.write(
      slot,
      encodeCheckpoint({ generation, state, run, device: deviceRecord(trainer.backend), extra }),
    );
    this.newest = { slot, generation, step: state.step };
  }

  /** Empties both slots. */
  async discard(): Promise<void> {
    for (const slot of SLOTS) await this.store.remove(slot);
    this.newest = null;
  }
}

/** Puts a trainer where a checkpoint was taken. Throws, saying what differs, where the checkpoint is of another run. */
export async function restoreCheckpoint(trainer: Trainer, { run, state }: Checkpoint): Promise<void> {
  requireSameRun(run, await runIdentity(trainer.options));
  trainer.restore(state);
}

import { Disposing, disposedError } from "../core/resource.ts";
import type { MemoryUse } from "./memory-use.ts";

/** Shapes that a program uses in turn; more are made anew. */
const MOST = 16;
/** A few products of 4096 x 4096 would fill a device: beside the one in use, what is kept must fit into this. */
const MOST_BYTES = 256 * 2 ** 20;

/** What is kept: an executor, or something made of one. */
export interface Kept {
  memory(): MemoryUse;
  dispose(): void;
}

interface Entry {
  made: Promise<Kept>;
  kept: Kept | null;
  /** Calls that are under way: none of them loses its executor. */
  users: number;
}

/** Executors by key, made on first use; the one used longest ago goes when there are too many, or they are too large. */
export class ExecutorCache extends Disposing {
  private readonly entries = new Map<string, Entry>();
  private disposed = false;

  /** `owner` is whose they are, for messages: "the trainer". */
  constructor(private readonly owner: string) {
    super();
  }

  /** Keys at hand, the one used longest ago first. */
  get keys(): readonly string[] {
    return [...this.entries.keys()];
  }

  /** Lets `use` work with what is under `key`, which `make` makes where there is nothing. */
  async with<T extends Kept, R>(key: string, make: () => Promise<T>, use: (kept: T) => Promise<R>): Promise<R> {
    if (this.disposed) throw disposedError(this.owner);
    const entry = this.entries.get(key) ?? this.begin(make);
    // Out and in again: a Map keeps the order in which keys came.
    this.entries.delete(key);
    this.entries.set(key, entry);
    entry.users++;
    try {
      return await use((await entry.made) as T);
    } catch (error) {
      // What could not be made, or failed with its device, is made anew next time.
      if (this.entries.get(key) === entry) this.entries.delete(key);
      throw error;
    } finally {
      entry.users--;
      if (entry.users === 0 && !this.disposed && this.entries.get(key) !== entry) entry.kept?.dispose();
      this.trim();
    }
  }

  /** Bytes and buffers of all that is kept. */
  memory(): MemoryUse {
    return totalMemory([...this.entries.values()].map(({ kept }) => kept));
  }

  dispose(): void {
    this.disposed = true;
    for (const { kept } of this.entries.values()) kept?.dispose();
    this.entries.clear();
  }

  private begin(make: () => Promise<Kept>): Entry {
    const entry: Entry = { made: make(), kept: null, users: 0 };
    entry.made = entry.made.then((kept) => {
      if (this.disposed) {
        kept.dispose();
        throw disposedError(this.owner);
      }
      entry.kept = kept;
      return kept;
    });
    return entry;
  }

  private trim(): void {
    const latest = this.keys.at(-1);
    for (const [key, { kept, users }] of this.entries) {
      if (this.entries.size <= MOST && this.memory().liveBytes <= MOST_BYTES) return;
      if (users > 0 || key === latest) continue;
      this.entries.delete(key);
      kept?.dispose();
    }
  }
}

/** All of them together; what is not there holds nothing. */
export function totalMemory(of: readonly (Pick<Kept, "memory"> | null | undefined)[]): MemoryUse {
  const all = of.flatMap((kept) => (kept ? [kept.memory()] : []));
  return {
    liveBytes: all.reduce((sum, m) => sum + m.liveBytes, 0),
    buffers: all.reduce((sum, m) => sum + m.buffers, 0),
  };
}

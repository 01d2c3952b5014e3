import type { WasmModule } from "./module.ts";

/** What the host tells a thread; thread.js acts on it. */
type ThreadMessage =
  | { readonly type: "start" }
  | {
      readonly type: "join";
      readonly id: number;
      readonly modules: readonly WebAssembly.Module[];
      readonly memory: WebAssembly.Memory;
    }
  | { readonly type: "serve"; readonly id: number }
  | { readonly type: "leave"; readonly id: number };

interface Thread {
  send(message: ThreadMessage): void;
  end(): void;
}

/** More threads than this were not measured, and memory is what they would wait for. */
const MAX_THREADS = 8;
/** A thread that has not answered by then is done without. */
const START_MS = 5000;

/**
 * Threads that help executors with large calls. Between slices they wait for messages, and cost nothing; within one they
 * wait in the module. Made once for a backend and shared by its executors, which name themselves by being the key.
 */
export class Pool {
  private nextId = 1;
  private readonly ids = new Map<object, number>();

  private constructor(private readonly helpers: readonly Thread[]) {}

  /** A pool of `wanted` threads in all, the caller's own included; null where there is to be one, or can be only one. */
  static async create(wasm: WasmModule, wanted: number = machineThreads()): Promise<Pool | null> {
    // A page's own thread may not wait, so it cannot share work: the page runs its engine in a worker.
    if (!wasm.shared || "Window" in globalThis) return null;
    const started = Array.from({ length: wanted - 1 }, start);
    const helpers = (await Promise.all(started)).filter((t) => t !== null);
    if (helpers.length < started.length) {
      console.warn(
        `chainrule: ${helpers.length} of ${started.length} threads beside this one could be started, so the CPU computes on ${helpers.length + 1}. In Vite's dev server, set optimizeDeps: { exclude: ["chainrule"] }; elsewhere, see that thread.js lies beside the file that names it.`,
      );
    }
    return helpers.length > 0 ? new Pool(helpers) : null;
  }

  /** Threads that compute, with the one that calls. */
  get threads(): number {
    return this.helpers.length + 1;
  }

  /** Shows the threads an executor's memory, and the modules that its program calls. */
  join(member: object, modules: readonly WebAssembly.Module[], memory: WebAssembly.Memory): void {
    const id = this.nextId++;
    this.ids.set(member, id);
    this.tell({ type: "join", id, modules, memory });
  }

  /** Asks the threads to help a member that has opened its memory to them. */
  call(member: object): void {
    this.tell({ type: "serve", id: this.ids.get(member)! });
  }

  leave(member: object): void {
    const id = this.ids.get(member);
    if (id === undefined) return;
    this.ids.delete(member);
    this.tell({ type: "leave", id });
  }

  dispose(): void {
    for (const helper of this.helpers) helper.end();
  }

  private tell(message: ThreadMessage): void {
    for (const helper of this.helpers) helper.send(message);
  }
}

const builtin = globalThis.process?.getBuiltinModule;

function machineThreads(): number {
  const count = builtin ? builtin("node:os").availableParallelism() : (navigator.hardwareConcurrency ?? 1);
  return Math.max(1, Math.min(count, MAX_THREADS));
}

/** Starts a thread and waits until it answers; null where none can be had. */
async function start(): Promise<Thread | null> {
  try {
    return builtin ? await startInNode(builtin("node:worker_threads").Worker) : await startInBrowser();
  } catch {
    return null;
  }
}

// Both name thread.js in the one way that bundlers know.

async function startInNode(Worker: typeof import("node:worker_threads").Worker): Promise<Thread> {
  const worker = new Worker(new URL("./thread.js", import.meta.url), { name: "chainrule" });
  await answered((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.postMessage({ type: "start" } satisfies ThreadMessage);
  });
  worker.removeAllListeners();
  worker.unref();
  return { send: (message) => worker.postMessage(message), end: () => void worker.terminate() };
}

async function startInBrowser(): Promise<Thread> {
  const worker = new Worker(new URL("./thread.js", import.meta.url), { type: "module", name: "chainrule" });
  await answered((resolve, reject) => {
    worker.onmessage = resolve;
    worker.onerror = reject;
    worker.postMessage({ type: "start" } satisfies ThreadMessage);
  });
  return { send: (message) => worker.postMessage(message), end: () => worker.terminate() };
}

function answered(begin: (resolve: (value: unknown) => void, reject: (e: unknown) => void) => void): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout>;
  return new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error("no answer")), START_MS);
    begin(resolve, reject);
  }).finally(() => clearTimeout(timer));
}

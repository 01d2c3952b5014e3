/** Calls across threads: the page asks for an engine's functions by name, the worker answers and tells listeners. */

// biome-ignore lint/suspicious/noExplicitAny: any function may be called
type AnyFunction = (...args: any[]) => unknown;

/** Functions among the arguments stay where they are: `listeners` has their numbers in their places. */
interface Call {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
  readonly listeners: readonly (number | null)[];
}

type News =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: unknown }
  | { readonly listener: number; readonly args: readonly unknown[] };

/** An engine as another thread sees it: every call is a promise. */
export type Remote<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;
};

/**
 * The engine that a worker answers for. What a call throws there is thrown here, with its message. A listener may be
 * told long after its call was answered, so it is kept.
 */
export function remote<T>(worker: Worker): Remote<T> {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  const listeners: AnyFunction[] = [];
  let calls = 0;
  const numberOf = (arg: unknown): number | null => {
    if (typeof arg !== "function") return null;
    const known = listeners.indexOf(arg as AnyFunction);
    return known >= 0 ? known : listeners.push(arg as AnyFunction) - 1;
  };
  worker.addEventListener("message", ({ data }: MessageEvent<News>) => {
    if ("listener" in data) {
      listeners[data.listener]!(...data.args);
      return;
    }
    const call = waiting.get(data.id)!;
    waiting.delete(data.id);
    if ("error" in data) call.reject(data.error);
    else call.resolve(data.value);
  });
  const ask = (name: string, args: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = ++calls;
      const plain = args.map((arg) => (typeof arg === "function" ? null : arg));
      worker.postMessage({ id, name, args: plain, listeners: args.map(numberOf) } satisfies Call);
      waiting.set(id, { resolve, reject });
    });
  return new Proxy({} as Remote<T>, {
    get:
      (_, name: string) =>
      (...args: unknown[]) =>
        ask(name, args),
  });
}

/** Answers, in a worker, for the functions of an engine. Calls do not wait for each other. */
export function answer<T extends { readonly [K in keyof T]: AnyFunction }>(engine: T): void {
  const tell = (news: News): void => postMessage(news);
  addEventListener("message", async ({ data }: MessageEvent<Call>) => {
    const { id, name, args, listeners } = data;
    const given = args.map((arg, i) => {
      const listener = listeners[i];
      return typeof listener === "number" ? (...told: unknown[]) => tell({ listener, args: told }) : arg;
    });
    try {
      tell({ id, value: await engine[name as keyof T](...given) });
    } catch (error) {
      // A copy keeps an error's message; more of it need not be copyable.
      tell({ id, error: error instanceof Error ? new Error(error.message) : error });
    }
  });
}

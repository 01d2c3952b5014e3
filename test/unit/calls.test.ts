import { afterEach, expect, test, vi } from "vitest";
import { answer, remote } from "../../src/app/calls.ts";

/** A worker and its page in one thread: each gets copies, a turn later, as across threads. */
function threads(): Worker {
  const page = new EventTarget();
  const worker = new EventTarget();
  const send = (to: EventTarget, data: unknown): void => {
    const copy = structuredClone(data);
    setTimeout(() => to.dispatchEvent(new MessageEvent("message", { data: copy })));
  };
  vi.stubGlobal("addEventListener", worker.addEventListener.bind(worker));
  vi.stubGlobal("postMessage", (data: unknown) => send(page, data));
  return Object.assign(page, { postMessage: (data: unknown) => send(worker, data) }) as unknown as Worker;
}
afterEach(() => vi.unstubAllGlobals());

const engine = {
  double: (n: number) => 2 * n,
  slow: (value: string) => new Promise<string>((resolve) => setTimeout(() => resolve(value), 20)),
  refuse: async (why: string): Promise<never> => Promise.reject(new Error(why)),
  count(to: number, listener: (n: number) => void): void {
    for (let n = 1; n <= to; n++) setTimeout(() => listener(n), 10);
  },
};

test("calls are answered each by its own value, whichever comes first", async () => {
  const worker = threads();
  answer(engine);
  const there = remote<typeof engine>(worker);
  const told: string[] = [];
  const all = [there.slow("slow").then((v) => told.push(v)), there.double(21).then((v) => told.push(String(v)))];
  await Promise.all(all);
  expect(told).toEqual(["42", "slow"]);
});

test("what is thrown there is thrown here, by its message, as is what cannot be copied", async () => {
  const worker = threads();
  answer(engine);
  const there = remote<typeof engine>(worker);
  await expect(there.refuse("no such net")).rejects.toThrow("no such net");
  await expect(there.double({ n: () => 1 } as unknown as number)).rejects.toThrow("could not be cloned");
  expect(await there.double(2)).toBe(4);
});

test("a listener is told after its call was answered, and one of several is told its own", async () => {
  const worker = threads();
  answer(engine);
  const there = remote<typeof engine>(worker);
  const [a, b]: [number[], number[]] = [[], []];
  await Promise.all([there.count(3, (n) => a.push(n)), there.count(2, (n) => b.push(10 * n))]);
  expect(a).toEqual([]);
  await vi.waitFor(() =>
    expect([a, b]).toEqual([
      [1, 2, 3],
      [10, 20],
    ]),
  );
});

import { setImmediate as plain } from "node:timers";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { restBetweenPolls } from "../../src/platform/polls.ts";

/** A clock of its own: what this sees does not depend on how busy the machine is. */
let now = 0;
const before = { setImmediate: globalThis.setImmediate, setTimeout: globalThis.setTimeout };
beforeAll(() => {
  vi.spyOn(performance, "now").mockImplementation(() => now);
  globalThis.setImmediate = plain;
  globalThis.setTimeout = ((callback: () => void, ms: number) => {
    now += Math.max(1, ms);
    plain(callback);
  }) as unknown as typeof setTimeout;
  restBetweenPolls(5);
  globalThis.setTimeout = before.setTimeout;
});
afterAll(() => {
  Object.assign(globalThis, before);
  vi.restoreAllMocks();
});

/**
 * As Dawn's binding waits: a native function without parameters that asks for itself again, a tenth of a millisecond a
 * turn. Gives the times it was called at.
 */
function waitLike(ms: number): Promise<number[]> {
  const start = now;
  const times: number[] = [];
  return new Promise((resolve) => {
    const poll = (): void => {
      times.push(now - start);
      now += 0.1;
      if (now - start < ms) globalThis.setImmediate(bound);
      else resolve(times);
    };
    // Native, and without the name that bind() gives.
    const bound = Object.defineProperty(poll.bind(null), "name", { value: "" });
    globalThis.setImmediate(bound);
  });
}

test("a short wait looks at every turn, also after a long one; a long one ever more seldom", async () => {
  for (let i = 0; i < 2; i++) {
    const times = await waitLike(200);
    const pauses = times.slice(1).map((t, k) => [times[k]!, t - times[k]!] as const);
    for (const [age, pause] of pauses) {
      if (age < 4.5) expect(pause).toBeCloseTo(0.1);
      else if (age > 5) expect(pause).toBeGreaterThan(1);
      expect(pause).toBeLessThan(4.2);
    }
    expect(pauses.at(-1)![1]).toBeGreaterThan(4);
  }
});

test("what others ask of setImmediate comes at the next turn, with its arguments", async () => {
  const waiting = waitLike(10_000);
  while (now < 1000) await new Promise((resolve) => plain(resolve));
  const order: unknown[] = [];
  plain(() => order.push("before"));
  globalThis.setImmediate((a, b) => order.push([a, b]), 1, 2);
  const resolved = new Promise((resolve) => globalThis.setImmediate(resolve)).then(() => order.push("a promise"));
  plain(() => order.push("behind"));
  await resolved;
  expect(order).toEqual(["before", [1, 2], "a promise"]);
  expect(await promisify(globalThis.setImmediate)("value")).toBe("value");
  await waiting;
});

test("a bound function that asks for itself again has every turn, and can be taken back", async () => {
  const start = now;
  let turns = 0;
  await new Promise<void>((resolve) => {
    const again = (): void => {
      turns++;
      now += 0.1;
      if (now - start > 50) resolve();
      else globalThis.setImmediate(bound);
    };
    const bound = again.bind(null);
    globalThis.setImmediate(bound);
  });
  expect(turns).toBeGreaterThan(490);
  let called = false;
  const asked = globalThis.setImmediate(
    (() => {
      called = true;
    }).bind(null),
  );
  clearImmediate(asked);
  await new Promise((resolve) => plain(resolve));
  expect(called).toBe(false);
});

test("it is put in place once", () => {
  const now = globalThis.setImmediate;
  restBetweenPolls();
  expect(globalThis.setImmediate).toBe(now);
});

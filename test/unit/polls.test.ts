import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { restBetweenPolls } from "../../src/platform/polls.ts";

const plain = globalThis.setImmediate;
beforeAll(() => restBetweenPolls(5));
afterAll(() => {
  globalThis.setImmediate = plain;
});

/** As Dawn's binding waits: a native function without parameters that asks for itself again. Gives the times it was called. */
function waitLike(ms: number): Promise<number[]> {
  const start = performance.now();
  const times: number[] = [];
  return new Promise((resolve) => {
    const poll = (): void => {
      const age = performance.now() - start;
      times.push(age);
      if (age < ms) globalThis.setImmediate(bound);
      else resolve(times);
    };
    const bound = poll.bind(null);
    globalThis.setImmediate(bound);
  });
}

test("a long wait looks seldom, a short one at every turn, also after a long one", async () => {
  const before = globalThis.setImmediate;
  globalThis.setImmediate = plain;
  const spinning = await waitLike(200);
  globalThis.setImmediate = before;
  for (let i = 0; i < 2; i++) {
    const times = await waitLike(200);
    expect(times.filter((ms) => ms < 4).length).toBeGreaterThan(1);
    expect(times.filter((ms) => ms > 6).length).toBeLessThan(200);
    expect(times.length).toBeLessThan(spinning.length / 2);
  }
});

test("what others ask of setImmediate comes at the next turn, with its arguments", async () => {
  const waiting = waitLike(100);
  await new Promise((resolve) => setTimeout(resolve, 30));
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

test("it is put in place once", () => {
  const now = globalThis.setImmediate;
  restBetweenPolls();
  expect(globalThis.setImmediate).toBe(now);
});

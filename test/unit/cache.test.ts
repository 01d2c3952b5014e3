import { expect, test } from "vitest";
import { ExecutorCache, type Kept } from "../../src/backend/cache.ts";

/** Something of so many bytes that tells when it ends. */
function thing(bytes: number, ended: string[], name: string): Kept {
  return { memory: () => ({ liveBytes: bytes, buffers: 1 }), dispose: () => void ended.push(name) };
}

test("keeps the sixteen used last, and makes what is kept only once", async () => {
  const cache = new ExecutorCache("the test");
  const ended: string[] = [];
  const made: string[] = [];
  const use = (name: string): Promise<string> =>
    cache.with(
      name,
      async () => {
        made.push(name);
        return thing(10, ended, name);
      },
      async () => name,
    );
  for (let i = 0; i < 16; i++) await use(`${i}`);
  await use("0");
  await use("16");
  expect(ended).toEqual(["1"]);
  expect(made.filter((name) => name === "0")).toHaveLength(1);
  expect(cache.keys).toHaveLength(16);
  expect(cache.memory()).toEqual({ liveBytes: 160, buffers: 16 });
  cache.dispose();
  cache.dispose();
  expect(ended).toHaveLength(17);
  expect(cache.memory().liveBytes).toBe(0);
  await expect(use("0")).rejects.toMatchObject({ code: "disposed" });
});

test("what is large goes early, but never while it is used, and never the latest", async () => {
  const cache = new ExecutorCache("the test");
  const ended: string[] = [];
  const large = 200 * 2 ** 20;
  let letGo = (): void => undefined;
  const held = cache.with(
    "held",
    async () => thing(large, ended, "held"),
    () => new Promise<void>((resolve) => (letGo = resolve)),
  );
  await cache.with(
    "second",
    async () => thing(large, ended, "second"),
    async () => null,
  );
  expect(ended).toEqual([]);
  letGo();
  await held;
  expect(ended).toEqual(["held"]);
  await cache.with(
    "third",
    async () => thing(2 * large, ended, "third"),
    async () => null,
  );
  expect(ended).toEqual(["held", "second"]);
  expect(cache.keys).toEqual(["third"]);
});

test("what failed is made anew, and ends when its last user has left", async () => {
  const cache = new ExecutorCache("the test");
  const ended: string[] = [];
  await expect(
    cache.with(
      "a",
      () => Promise.reject(new Error("no room")),
      async () => null,
    ),
  ).rejects.toThrow("no room");
  const fails = cache.with(
    "a",
    async () => thing(1, ended, "a"),
    () => Promise.reject(new Error("lost")),
  );
  const beside = cache.with(
    "a",
    async () => thing(1, ended, "never"),
    async () => "fine",
  );
  await expect(fails).rejects.toThrow("lost");
  expect(await beside).toBe("fine");
  expect(ended).toEqual(["a"]);
  expect(
    await cache.with(
      "a",
      async () => thing(1, ended, "again"),
      async () => "again",
    ),
  ).toBe("again");
});

test("disposed of while something is being made: that ends too", async () => {
  const cache = new ExecutorCache("the test");
  const ended: string[] = [];
  const making = cache.with(
    "a",
    () => new Promise<Kept>((resolve) => setTimeout(() => resolve(thing(1, ended, "a")), 5)),
    async () => "used",
  );
  cache.dispose();
  await expect(making).rejects.toMatchObject({ code: "disposed" });
  expect(ended).toEqual(["a"]);
});

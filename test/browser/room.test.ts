import { expect, test } from "vitest";
import { littleMemory } from "../shared/little-memory.ts";
import { studio } from "../shared/page.ts";
import { beginWorkerWith } from "../shared/worker.ts";

const s = studio();

test("a net that the GPU has no room for is a plain message that says what to do; a smaller net then trains", async () => {
  const served = await beginWorkerWith(s.page, `(${littleMemory})(13_000_000);`);
  await s.open("data=digits&net=1024-relu&batch=full&device=webgpu");
  await s.page.waitForSelector("#problem");
  expect(served()).toBe(1);
  expect(await s.text("#problem")).toMatch(
    /the device has no room for the \d+ bytes that this graph takes, .* would fit, .*: take a smaller net, or train on the CPU/,
  );
  await s.page.evaluate(() => {
    location.hash = location.hash.replace("1024-relu", "16-relu").replace("batch=full", "batch=32");
  });
  await s.page.waitForSelector("#problem", { state: "detached" });
  await s.trained(50);
  expect(await s.page.locator("#problem").count()).toBe(0);
}, 120_000);

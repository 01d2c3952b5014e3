import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { killAndCompare } from "../shared/kill.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "chainrule-kill-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A hundred kills, and kills of a browser: test/release/kill.ts. */
test("a run killed at random moments ends with the weights and the log of one left alone, byte for byte", async () => {
  const args = ["digits", "--backend", "cpu", "--steps", "3000", "--log-every", "1"];
  const fire = await killAndCompare({ args, every: 15, folder, within: 350, seed: 7 }, 4);
  expect(fire.kills).toBe(4);
  expect(fire.runs).toBeGreaterThan(0);
});

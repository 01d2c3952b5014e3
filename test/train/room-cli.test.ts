import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { bin } from "../shared/command.ts";

/** The command on a GPU with little memory: one line that says what was asked for and what would fit, and that fits. */
const preload = fileURLToPath(new URL("../shared/little-memory-preload.mjs", import.meta.url));

function train(batch: number, room: number): Promise<{ status: number | null; err: string }> {
  const args = ["train", "fashion", "--backend", "webgpu", "--batch", `${batch}`, "--steps", "2"];
  // As a shell redirects it: remarks of drivers are kept off a file, not off the socket that a parent in Node gives.
  const folder = mkdtempSync(join(tmpdir(), "chainrule-room-"));
  const file = openSync(join(folder, "stderr"), "a+");
  const child = spawn(process.execPath, ["--import", "tsx", "--import", preload, bin, ...args], {
    env: { ...process.env, CHAINRULE_TEST_ROOM: `${room}` },
    stdio: ["ignore", "ignore", file],
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => {
      const err = readFileSync(join(folder, "stderr"), "utf8");
      closeSync(file);
      rmSync(folder, { recursive: true });
      resolve({ status, err });
    });
  });
}

test("a batch too large for the GPU's memory is one line with the batch that fits, and that batch trains", async () => {
  const room = 40_000_000;
  const { status, err } = await train(8000, room);
  expect(status).toBe(1);
  const lines = err.trim().split("\n");
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(
    /^chainrule: the device has no room for the \d+ bytes that this graph takes, .*\. A batch of \d+ would fit, in \d+ bytes; 8000 were asked for$/,
  );
  const batch = Number(/A batch of (\d+)/.exec(err)![1]);
  expect(batch).toBeGreaterThan(50);
  const fits = await train(batch, room);
  expect(fits.err).not.toContain("no room");
  expect(fits.status).toBe(0);
  // A driver that compiles late takes a minute for this on busy cores.
}, 300_000);

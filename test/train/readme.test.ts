import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readText, runProgram } from "../shared/program.ts";

test("the library example of the README runs as it stands, and learns exclusive or", async () => {
  const [, example] = /```ts\n([\s\S]*?)```/.exec(readText("README.md"))!;
  expect(example!.trim().split("\n").length).toBeLessThanOrEqual(18);
  const folder = mkdtempSync(join(tmpdir(), "chainrule-readme-"));
  try {
    const { status, out, err } = await runProgram(example!, folder);
    expect(status, err).toBe(0);
    expect(out).toMatch(/^100 [\d.e-]+\n200 [\d.e-]+\n300 [\d.e-]+\n/);
    expect(out).toContain("accuracy: 1");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

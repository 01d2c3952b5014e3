import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bin } from "../shared/command.ts";
import { studio } from "../shared/page.ts";
import { runProgram } from "../shared/program.ts";

const s = studio();

/** The snippet, from a page that is gone afterwards: one that trains takes the processor from the program. */
async function snippet(kind: string): Promise<string> {
  await s.open("data=moons&net=8-tanh-drop0.2-norm&opt=adamw&lr=0.02&seed=5&device=cpu");
  await s.page.click("#code");
  await s.page.click(`#code-${kind}`);
  const code = await s.text("#snippet");
  // What it still asks for would be cut off, which counts as a fault.
  await s.page.waitForLoadState("networkidle");
  await s.page.goto("about:blank");
  return code;
}

test("the library's snippet runs as it stands, and learns", async () => {
  const code = await snippet("library");
  const folder = mkdtempSync(join(tmpdir(), "chainrule-"));
  const { status, out, err } = await runProgram(`${code}process.exit(0);\n`, folder);
  rmSync(folder, { recursive: true });
  expect(status, err).toBe(0);
  expect(Number(/accuracy: ([\d.]+)/.exec(out)?.[1])).toBeGreaterThan(0.8);
}, 120_000);

test("the command runs as it stands, and learns", async () => {
  const code = await snippet("command");
  const folder = mkdtempSync(join(tmpdir(), "chainrule-"));
  const script = code.replace("npx chainrule", `${process.execPath} ${bin}`);
  const run = spawnSync("sh", ["-c", `${script.trim()} --json --backend cpu`], { encoding: "utf8", cwd: folder });
  rmSync(folder, { recursive: true });
  expect(run.status, run.stderr).toBe(0);
  expect(JSON.parse(run.stdout).steps).toBe(2000);
}, 120_000);

test("PyTorch's equivalent names the same layers, loss and optimizer", async () => {
  const code = await snippet("pytorch");
  for (const part of [
    "nn.Linear(2, 8)",
    "nn.Tanh()",
    "nn.Dropout(0.2)",
    "nn.LayerNorm(8",
    "nn.CrossEntropyLoss()",
    "AdamW(",
  ]) {
    expect(code).toContain(part);
  }
  expect(code).toContain("lr=0.02");
});

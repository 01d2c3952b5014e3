import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BenchReport } from "../../src/bench/report.ts";
import { bin } from "../shared/command.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "chainrule-bench-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `chainrule bench`; Ctrl-C comes `interruptMs` after it has said which backend it has. */
function bench(
  args: readonly string[],
  interruptMs?: number,
): Promise<{ status: number | null; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [bin, "bench", ...args], { cwd: folder });
    let out = "";
    let err = "";
    let sent = interruptMs === undefined;
    child.stdout.on("data", (text) => {
      out += text;
    });
    child.stderr.on("data", (text) => {
      err += text;
      if (sent || !err.includes("backend:")) return;
      sent = true;
      setTimeout(() => child.kill("SIGINT"), interruptMs);
    });
    child.on("close", (status) => resolve({ status, out, err }));
  });
}

const read = (file: string): BenchReport => JSON.parse(readFileSync(join(folder, file), "utf8"));

test("--json and --markdown write the whole report, with where it ran", async () => {
  const { status, out, err } = await bench(["--only", "step", "--max", "8", "--json", "r.json", "--markdown", "r.md"]);
  expect(status, err).toBe(0);
  const report = read("r.json");
  expect(report).toMatchObject({ format: "chainrule-bench", version: 1, complete: true, ceilings: [], products: [] });
  expect(report.adapter!.limits.maxBufferSize).toBeGreaterThan(0);
  expect(report.chainrule).toBe(
    JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version,
  );
  expect(report.steps.map((s) => [s.name, s.kind])).toEqual([
    ["tutorial 4-4-4-4", "webgpu"],
    ["tutorial 4-4-4-4", "cpu"],
    ["784-512-256-10", "webgpu"],
    ["784-512-256-10", "cpu"],
  ]);
  for (const s of report.steps) {
    expect(s.verified).toBe(true);
    expect(s.ms!.all).toHaveLength(s.ms!.samples);
    expect(s.firstMs).toBeGreaterThan(0);
  }
  expect(out).toContain("tutorial 4-4-4-4");
  expect(readFileSync(join(folder, "r.md"), "utf8")).toContain("| tutorial 4-4-4-4 | 1 | 48 |");
});

test("Ctrl-C ends with what was measured so far", async () => {
  const { status, err } = await bench(["--only", "matmul", "--max", "1024", "--json", "s.json"], 2500);
  expect(status, err).toBe(130);
  expect(err).toContain("stopped");
  const report = read("s.json");
  expect(report.complete).toBe(false);
  expect(report.products.length).toBeLessThan(19);
  for (const p of report.products) expect(p.verified).toBe(true);
});

test("--json - is the only thing on stdout, and --json by itself means the same", async () => {
  // Of two sections, since the first takes seconds.
  for (const [section, ...args] of [
    ["logging", "--json", "-"],
    ["step", "--max", "8", "--json"],
  ] as const) {
    const { status, out, err } = await bench(["--only", section, "--backend", "cpu", ...args]);
    expect(status, err).toBe(0);
    const report: BenchReport = JSON.parse(out);
    expect(report.adapter).toBeNull();
    expect(report.logging).toHaveLength(section === "logging" ? 1 : 0);
    expect(report.steps.length > 0).toBe(section === "step");
  }
  expect(existsSync(join(folder, "-"))).toBe(false);
});

test("an unknown section is a usage error that names what there is", async () => {
  const { status, err } = await bench(["--only", "speed"]);
  expect(status).toBe(2);
  expect(err).toContain("ceilings, matmul, step, conv, sequence, crossover, logging, tutorial");
});

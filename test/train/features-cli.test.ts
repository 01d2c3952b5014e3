import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { bin } from "../shared/command.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "chainrule-features-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function chainrule(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { cwd: folder, encoding: "utf8" });
  return { status, out: stdout, err: stderr };
}

const iris = ["train", "iris", "--backend", "cpu"] as const;
const weights = (file: string) => readSafetensors(new Uint8Array(readFileSync(join(folder, file)))).tensors;

test("train with everything at once: stops early at the best, and saves the average", () => {
  const flags = [
    ...["--epochs", "400", "--validate-every", "40", "--patience", "3", "--min-delta", "0.005", "--batch", "8"],
    ...["--accumulate", "2", "--class-weights", "balanced", "--label-smoothing", "0.05", "--l1", "0.0001"],
    ...["--l2", "0.0001", "--ema", "0.9", "--group", "bias:weight-decay=0,lr=0.5", "--optimizer", "adamw"],
    ...["--lr", "0.03", "--save", "a.safetensors"],
  ];
  const r = chainrule(...iris, ...flags, "--json", "--log", "log.jsonl");
  expect(r, r.err).toMatchObject({ status: 0 });
  const summary = JSON.parse(r.out);
  expect(summary).toMatchObject({ stoppedEarly: true, saved: "a.safetensors" });
  expect(summary.best).toBeLessThan(summary.steps);
  expect(summary.best % 40).toBe(0);
  const lines = readFileSync(join(folder, "log.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const validations = lines.filter((l) => l.evaluation === "test");
  expect(validations.find((v) => v.step === summary.best).loss).toBe(summary.test.loss);
  // The same run to its best step, and the weights themselves instead of their average.
  const short = [...flags.slice(2), "--steps", String(summary.best), "--use", "last", "--save", "b.safetensors"];
  const last = chainrule(...iris, ...short);
  expect(last, last.err).toMatchObject({ status: 0 });
  const [a, b] = [weights("a.safetensors"), weights("b.safetensors")];
  expect([...a.keys()]).toEqual([...b.keys()]);
  expect(a.get("0.weight")!.data).not.toEqual(b.get("0.weight")!.data);
});

test("lr prints a curve and a rate, and gives it all as JSON", () => {
  const r = chainrule("lr", "iris", "--backend", "cpu", "--json", "--steps", "80");
  expect(r, r.err).toMatchObject({ status: 0 });
  const { suggestion, points } = JSON.parse(r.out);
  expect(points[0].learningRate).toBeCloseTo(1e-6, 9);
  const text = chainrule("lr", "iris", "--backend", "cpu", "--steps", "80").out;
  expect(text).toContain(`--lr ${suggestion.toPrecision(2)}`);
  expect(text).toMatch(/^rate +loss +smoothed/);
  expect(text).toMatch(/#+ {2}steepest/);
});

test("early stopping goes on from a checkpoint as if it had never stopped", () => {
  const flags = [...iris, "--batch", "8", "--lr", "0.03", "--validate-every", "40", "--patience", "3", "--ema", "0.5"];
  const ended = (args: readonly string[]) => {
    const r = chainrule(...flags, ...args, "--json");
    expect(r, r.err).toMatchObject({ status: 0 });
    const { steps, best, test, stoppedEarly } = JSON.parse(r.out);
    return { steps, best, test, stoppedEarly };
  };
  const whole = ended(["--steps", "4000"]);
  expect(whole.stoppedEarly).toBe(true);
  // Ended with the best validation behind it and part of the patience used up.
  const part = whole.steps - 40;
  expect(ended(["--steps", String(part), "--checkpoint", "kept"]).best).toBe(whole.best);
  expect(ended(["--steps", "4000", "--resume", "kept", "--checkpoint", "kept"])).toEqual(whole);
});

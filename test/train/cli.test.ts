import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ndarray } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { bin, chainrule as command, type Result, sourceBin } from "../shared/command.ts";
import { runIn } from "../shared/program.ts";

let folder: string;

/** `interrupt` sends Ctrl-C when the text appears on stdout. */
function chainrule(args: readonly string[], interrupt?: string): Promise<Result> {
  let interrupted = false;
  return command(args, {
    cwd: folder,
    on(child, out) {
      if (interrupt && !interrupted && out.includes(interrupt)) interrupted = child.kill("SIGINT");
    },
  });
}

const lines = (file: string): { step: number; loss: number; accuracy?: number; evaluation?: string }[] =>
  readFileSync(join(folder, file), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "chainrule-cli-"));
  const layers = [{ type: "linear", in: 4, out: 6 }, { type: "tanh" }, { type: "linear", in: 6, out: 3 }];
  writeFileSync(join(folder, "m.json"), JSON.stringify({ layers, loss: "crossEntropy" }));
  const draw = (shape: number[], step: number) =>
    ndarray(
      shape,
      "f32",
      normals(
        1,
        9,
        step,
        shape.reduce((a, b) => a * b, 1),
      ),
    );
  const weights = [
    ["0.weight", draw([6, 4], 0)],
    ["0.bias", draw([6], 1)],
    ["2.weight", draw([3, 6], 2)],
    ["2.bias", draw([3], 3)],
  ] as const;
  writeFileSync(join(folder, "w.safetensors"), writeSafetensors(weights));
  writeFileSync(join(folder, "missing.safetensors"), writeSafetensors(weights.slice(1)));
  const nan = ndarray([6], "f32", [0, 0, Number.NaN, 0, 0, 0]);
  writeFileSync(join(folder, "nan.safetensors"), writeSafetensors([weights[0], ["0.bias", nan], ...weights.slice(2)]));
  const y = ndarray([8], "i32", [0, 1, 2, 0, 1, 2, 0, 1]);
  writeFileSync(
    join(folder, "b.safetensors"),
    writeSafetensors([
      ["x", draw([8, 4], 4)],
      ["y", y],
    ]),
  );
  const x = draw([8, 4], 4);
  x.data[5] = Number.POSITIVE_INFINITY;
  writeFileSync(
    join(folder, "inf.safetensors"),
    writeSafetensors([
      ["x", x],
      ["y", y],
    ]),
  );
  writeFileSync(join(folder, "ragged.csv"), "a,b,label\n1,2,x\n3,4\n");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("chainrule train", () => {
  test("digits on WebGPU reaches 95 % test accuracy; the CPU's losses stay within f32's own error for 100 steps", async () => {
    const args = ["train", "digits", "--log-every", "1"];
    const gpu = await chainrule([...args, "--backend", "webgpu", "--log", "gpu.jsonl"]);
    expect(gpu, gpu.err).toMatchObject({ status: 0 });
    const test = lines("gpu.jsonl")
      .filter((l) => l.evaluation === "test")
      .at(-1)!;
    expect(test.accuracy).toBeGreaterThan(0.95);
    const cpu = await chainrule([...args, "--backend", "cpu", "--log", "cpu.jsonl", "--steps", "100"]);
    expect(cpu, cpu.err).toMatchObject({ status: 0 });
    const steps = (file: string) =>
      lines(file)
        .filter((l) => l.evaluation === undefined)
        .slice(0, 100);
    const [a, b] = [steps("gpu.jsonl"), steps("cpu.jsonl")];
    expect(a.map((l) => l.step)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    a.forEach((l, i) => {
      expect(Math.abs(l.loss - b[i]!.loss), `step ${i + 1}`).toBeLessThan(2e-5 * Math.max(1, l.loss));
    });
  });

  test("the log counts from 1 and a full batch repeats the rows in their order", async () => {
    const args = ["train", "m.json", "--data", "b.safetensors", "--weights", "w.safetensors", "--batch", "full"];
    const r = await chainrule([
      ...args,
      "--steps",
      "3",
      "--backend",
      "cpu",
      "--log",
      "full.jsonl",
      "--save",
      "s.safetensors",
      "--json",
    ]);
    expect(r, r.err).toMatchObject({ status: 0 });
    expect(JSON.parse(r.out)).toMatchObject({ steps: 3, saved: "s.safetensors" });
    expect(lines("full.jsonl").map((l) => l.step)).toEqual([1, 2, 3, 3]);
    const g = await chainrule([
      "grad",
      "m.json",
      "--weights",
      "w.safetensors",
      "--batch",
      "b.safetensors",
      "--out",
      "g.safetensors",
      "--backend",
      "cpu",
    ]);
    expect(g, g.err).toMatchObject({ status: 0 });
    const { tensors } = readSafetensors(new Uint8Array(readFileSync(join(folder, "g.safetensors"))));
    expect([...tensors.keys()].sort()).toEqual(["0.bias", "0.weight", "2.bias", "2.weight", "loss"]);
    expect(tensors.get("0.weight")).toMatchObject({ shape: [6, 4], dtype: "f64" });
    expect(Math.fround(tensors.get("loss")!.data[0]!)).toBeCloseTo(lines("full.jsonl")[0]!.loss, 6);
    const saved = readSafetensors(new Uint8Array(readFileSync(join(folder, "s.safetensors")))).tensors;
    expect(saved.get("0.weight")).toMatchObject({ shape: [6, 4], dtype: "f32" });
  });

  test("a reader slower than the run still gets every line", async () => {
    const args = ["train", "tutorial", "--backend", "cpu", "--steps", "20000", "--log-every", "1"];
    const child = spawn(process.execPath, [bin, ...args], { stdio: ["ignore", "pipe", "ignore"] });
    const closed = once(child, "close");
    let [out, ended] = ["", false];
    child.on("exit", () => {
      ended = true;
    });
    // Longer than the run takes, and than its 500 KB need to fill the pipe.
    for (let i = 0; i < 30 && !ended; i++) await new Promise((resolve) => setTimeout(resolve, 100));
    child.stdout.on("data", (text) => {
      out += text;
    });
    await closed;
    expect(out.split("\n").filter((line) => line.startsWith("step "))).toHaveLength(20000);
    expect(out).toMatch(/20000 steps in .*\n$/);
  });

  test("Ctrl-C stops cleanly and saves what was asked to be saved", async () => {
    const args = [
      "train",
      "tutorial",
      "--backend",
      "cpu",
      "--steps",
      "1000000000",
      "--save",
      "stopped.safetensors",
      "--log",
      "stopped.jsonl",
    ];
    const r = await chainrule(args, "step   10000");
    expect(r, r.err).toMatchObject({ status: 130 });
    const { tensors } = readSafetensors(new Uint8Array(readFileSync(join(folder, "stopped.safetensors"))));
    expect(tensors.get("0.weight")!.shape).toEqual([4, 4]);
    expect(lines("stopped.jsonl").at(-1)!.step).toBeLessThan(1_000_000_000);
  });
});

describe("chainrule check", () => {
  test("passes the tutorial on WebGPU", async () => {
    const r = await chainrule(["check", "tutorial", "--backend", "webgpu", "--json"]);
    expect(r, r.err).toMatchObject({ status: 0 });
    const report = JSON.parse(r.out);
    expect(report).toMatchObject({ pass: true, firstDivergent: null });
    expect(report.story.end.loss).toBeLessThan(1e-12);
  });

  test("fails the tutorial as published, names the tensor, and shows where its loss goes", async () => {
    const r = await chainrule(["check", "tutorial-as-published", "--json"]);
    expect(r, r.err).toMatchObject({ status: 1 });
    const report = JSON.parse(r.out);
    expect(report).toMatchObject({ pass: false, firstDivergent: "d 2.linear" });
    expect(report.story.minimum.loss).toBeCloseTo(0.29, 1);
    expect(report.story.end.loss).toBeCloseTo(0.84, 1);
  });
});

test("built or run from the sources, as in a clone, the command has the same threads and takes the same steps", async () => {
  const args = ["train", "digits", "--backend", "cpu", "--steps", "5", "--json"];
  const [built, source] = await Promise.all(
    [bin, sourceBin].map(async (file) => {
      const r = await runIn(folder, process.execPath, [file, ...args]);
      expect(r, r.err).toMatchObject({ status: 0 });
      return { train: JSON.parse(r.out).train, backend: /^backend: .*/m.exec(r.err)![0], first: r.err.split(":")[0] };
    }),
  );
  expect(source!.train.loss).toBeGreaterThan(0);
  expect(source!.first).toBe("backend");
  expect(built).toEqual(source);
});

describe("bad input is refused before work starts, on one line, without a stack trace", () => {
  const data = ["--data", "b.safetensors", "--steps", "2", "--backend", "cpu"];
  test.each<[string, readonly string[], RegExp]>([
    ["unknown command", ["trian"], /unknown command "trian"; known are train/],
    ["unknown flag", ["train", "m.json", ...data, "--bogus", "1"], /--bogus/],
    ["unknown preset", ["train", "nosuch"], /no preset or file "nosuch"; presets are tutorial/],
    ["lr 0", ["train", "m.json", ...data, "--lr", "0"], /--lr must be a positive number, got 0/],
    ["lr NaN", ["train", "m.json", ...data, "--lr", "NaN"], /--lr must be a number, got "NaN"/],
    [
      "negative batch",
      ["train", "m.json", ...data, "--batch", "-4"],
      /--batch must be a whole number from 1 up, got "-4"/,
    ],
    ["steps 0", ["train", "m.json", "--data", "b.safetensors", "--steps", "0"], /--steps must be a whole number/],
    ["unknown optimizer", ["train", "m.json", ...data, "--optimizer", "sdg"], /--optimizer must be one of sgd/],
    ["momentum for adam", ["train", "m.json", ...data, "--momentum", "0.9"], /momentum is for sgd and rmsprop/],
    ["unknown schedule", ["train", "m.json", ...data, "--schedule", "cos"], /unknown schedule "cos"/],
    ["infinite input", ["train", "m.json", "--data", "inf.safetensors", "--steps", "2"], /Infinity/],
    [
      "missing tensor",
      ["train", "m.json", ...data, "--weights", "missing.safetensors"],
      /"0.weight" \[6, 4\] is missing/,
    ],
    ["NaN weights", ["train", "m.json", ...data, "--weights", "nan.safetensors"], /"0.bias" holds NaN at \[2\]/],
    ["extra tensor", ["train", "m.json", ...data, "--weights", "b.safetensors"], /no parameter "x"/],
    ["no such file", ["train", "m.json", "--data", "gone.csv", "--steps", "2"], /gone.csv: there is no such file/],
    ["ragged CSV", ["train", "m.json", "--data", "ragged.csv", "--steps", "2"], /ragged.csv, line 3: 2 fields/],
    ["unwritable output", ["train", "m.json", ...data, "--save", "no/such/w.safetensors"], /cannot write no\/such/],
    ["no data", ["train", "m.json", "--steps", "2"], /needs --data/],
  ])("%s", async (_name, args, message) => {
    const r = await chainrule(args);
    expect(r.status).not.toBe(0);
    expect(r.err).toMatch(message);
    expect(r.err.trim().split("\n")).toHaveLength(1);
    expect(r.out).toBe("");
  });
});

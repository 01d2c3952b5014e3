import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { run } from "../../src/cli/train.ts";
import { ChainruleError } from "../../src/core/errors.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import { diskStore } from "../../src/io/checkpoint/disk-store.ts";
import { runIdentity } from "../../src/io/checkpoint/run-identity.ts";
import { Checkpoints, restoreCheckpoint } from "../../src/io/checkpoint/slots.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { Trainer } from "../../src/train/trainer.ts";
import { memoryStore } from "../shared/checkpoint.ts";
import { chainrule, type Result } from "../shared/command.ts";
import { openGpu } from "../shared/gpu.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "chainrule-checkpoints-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (name: string): Buffer => readFileSync(join(folder, name));

test("kernels that were chosen by measuring come with the checkpoint, so another process takes the same", async () => {
  const rows = 64;
  const x = ndarray([rows, 128], "f32", normals(1, 4, 0, rows * 128));
  const y = ndarray(
    [rows],
    "i32",
    Int32Array.from({ length: rows }, (_, i) => i % 4),
  );
  const layers = [{ type: "linear", in: 128, out: 64 }, { type: "relu" }, { type: "linear", in: 64, out: 4 }];
  const options = { model: parseModel({ layers, loss: "crossEntropy" }), data: { x, y }, batch: 48 };
  const losses = async (trainer: Trainer, steps: number): Promise<number[]> => {
    const out: number[] = [];
    for await (const m of trainer.run({ steps })) out.push(m.loss);
    return out;
  };
  const store = memoryStore();
  const first = await openGpu();
  const trainer = await createTrainer(first, options);
  await losses(trainer, 10);
  await (await Checkpoints.open(store)).save(trainer, await runIdentity(trainer.options));
  const rest = await losses(trainer, 10);

  const { found } = await Checkpoints.open(store);
  expect(Object.keys(found!.device.kernels).length).toBeGreaterThan(0);
  const second = await openGpu();
  second.choices!.remember(found!.device.kernels);
  const other = await createTrainer(second, options);
  expect(second.tuner!.made.map((c) => c.how)).toEqual(second.tuner!.made.map(() => "remembered"));
  expect(second.choices!.names()).toEqual(first.choices!.names());
  await restoreCheckpoint(other, found!);
  expect(await losses(other, 10)).toEqual(rest);
  first.dispose();
  second.dispose();
});

describe("chainrule train --checkpoint and --resume", () => {
  const train = (args: readonly string[], on?: Parameters<typeof chainrule>[1] & object): Promise<Result> =>
    chainrule(["train", "digits", "--backend", "cpu", "--log-every", "1", ...args], { cwd: folder, ...on });

  test("go on as if nothing had been, also from the older slot where the newer is damaged", async () => {
    const whole = await train(["--steps", "90", "--log", "whole.jsonl", "--save", "whole.st"]);
    expect(whole, whole.err).toMatchObject({ status: 0 });
    const begun = await train(["--steps", "70", "--log", "run.jsonl", "--checkpoint", "run", "--every", "30"]);
    expect(begun, begun.err).toMatchObject({ status: 0 });
    // Checkpoints of steps 0, 30, 60 and 70: the last is the second slot's.
    expect(readdirSync(join(folder, "run"))).toEqual(["checkpoint-0.safetensors", "checkpoint-1.safetensors"]);
    const torn = read("run/checkpoint-1.safetensors");
    writeFileSync(join(folder, "run/checkpoint-1.safetensors"), torn.subarray(0, 5000));
    const args = ["--steps", "90", "--log", "run.jsonl", "--save", "run.st", "--checkpoint", "run", "--resume", "run"];
    const resumed = await train(args);
    expect(resumed, resumed.err).toMatchObject({ status: 0 });
    expect(resumed.err).toMatch(/slot 1: checkpoint: cut short or damaged.*the checkpoint of step 60 is used/);
    expect(resumed.err).toContain("going on from step 60");
    expect(read("run.st").equals(read("whole.st"))).toBe(true);
    const steps = (name: string): string[] =>
      `${read(name)}`.split("\n").filter((line) => !line.includes("evaluation"));
    expect(steps("run.jsonl")).toEqual(steps("whole.jsonl"));
  });

  test("keep what Ctrl-C leaves; a folder that goes away stops nothing", async () => {
    let sent = false;
    const stopped = await train(["--steps", "1000000", "--checkpoint", "stopped"], {
      on(child, out) {
        if (!sent && out.includes("step      50")) sent = child.kill("SIGINT");
      },
    });
    expect(stopped, stopped.err).toMatchObject({ status: 130 });
    const { step } = await Checkpoints.open(diskStore(join(folder, "stopped")));
    expect(step).toBeGreaterThanOrEqual(50);
    let gone = false;
    let told = false;
    const more = ["--steps", "1000000", "--checkpoint", "stopped", "--resume", "stopped", "--every", "50"];
    const resumed = await train(more, {
      on(child, _out, err) {
        if (!gone && err.includes("going on")) {
          gone = true;
          renameSync(join(folder, "stopped"), join(folder, "gone"));
        }
        if (!told && err.includes("no checkpoint at")) told = child.kill("SIGINT");
      },
    });
    expect(resumed, resumed.err).toMatchObject({ status: 130 });
    expect(resumed.err).toContain(`going on from step ${step}`);
    expect(resumed.err).toMatch(/no checkpoint at step \d+: cannot write .*; the one of step \d+ stays/);
  });

  test("refuse what cannot be, on one line, before a device is opened", async () => {
    const at = (name: string): string => join(folder, name);
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [["--resume", at("nowhere")], /cannot resume from .*nowhere: there is no such folder/],
      [["--resume", folder], /cannot resume from .*: it holds no checkpoint/],
      [["--checkpoint", at("run")], /run holds a checkpoint of step 90: go on from it with --resume .*run/],
      [["--every", "5"], /--every counts the steps between checkpoints: give --checkpoint/],
      [["--checkpoint", at("whole.st")], /cannot make the folder .*whole.st: it is a file/],
      [["--resume", at("run"), "--lr", "0.5", "--steps", "90"], /optimizer.lr is 0.005 in the checkpoint, 0.5 here/],
      [["--resume", at("run"), "--steps", "80"], /the checkpoint is at step 90, the run ends at 80/],
    ];
    for (const [args, message] of cases) {
      const error: unknown = await run(["digits", "--backend", "cpu", ...args]).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(ChainruleError);
      expect((error as Error).message).toMatch(message);
      expect((error as Error).message).not.toContain("\n");
    }
  });

  test("refuse rows of the same numbers whose classes or columns were renamed, by name", async () => {
    for (const stream of [process.stdout, process.stderr]) vi.spyOn(stream, "write").mockReturnValue(true);
    const model = { layers: [{ type: "linear", in: 2, out: 2 }], loss: "crossEntropy" };
    writeFileSync(join(folder, "two.json"), JSON.stringify(model));
    const table = (name: string, header: string, ...classes: string[]): string[] => {
      const rows = Array.from({ length: 8 }, (_, i) => `${i},${i % 3},${classes[i % 2]}`);
      writeFileSync(join(folder, name), [header, ...rows, ""].join("\n"));
      return [join(folder, "two.json"), "--data", join(folder, name), "--backend", "cpu", "--steps", "4"];
    };
    const kept = join(folder, "named");
    await run([...table("cats.csv", "a,b,kind", "cat", "dog"), "--checkpoint", kept]);
    const again = (args: string[]): Promise<number> => run([...args, "--resume", kept]);
    await expect(again(table("cows.csv", "a,b,kind", "cat", "yak"))).rejects.toThrow(
      'its classes are "dog", these "yak"; train with the names that it learned',
    );
    await expect(again(table("other.csv", "a,c,kind", "cat", "dog"))).rejects.toThrow(
      'its columns to learn from are "b", these "c"',
    );
    expect(await again(table("same.csv", "a,b,kind", "cat", "dog"))).toBe(0);
    vi.restoreAllMocks();
  });
});

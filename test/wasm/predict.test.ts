import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { run as predict } from "../../src/cli/predict.ts";
import { run as train } from "../../src/cli/train.ts";

let folder: string;
const at = (file: string): string => join(folder, file);

/** What a command wrote to stdout, and its exit status. */
async function command(run: (args: readonly string[]) => Promise<number>, args: readonly string[]) {
  let out = "";
  const [stdout, stderr] = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, "write").mockImplementation((text) => {
      if (stream === process.stdout) out += text;
      return true;
    }),
  );
  try {
    return { status: await run(args), out };
  } finally {
    stdout!.mockRestore();
    stderr!.mockRestore();
  }
}

const cpu = ["--backend", "cpu"];
const kinds = ["oak", "pine, old", "fir"];
const line = (i: number): string => {
  const kind = kinds[i % 3]!;
  return `${i % 7 === 6 ? "NA" : i / 10},"${kind}",${1000 + ((i * 37) % 50)},${kind === "oak" ? "big" : "small"}`;
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "chainrule-predict-"));
  const rows = Array.from({ length: 140 }, (_, i) => line(i));
  writeFileSync(at("trees.csv"), `height,kind,mass,size\r\n${rows.join("\r\n")}\r\n`);
  const layers = [{ type: "linear", in: 5, out: 8 }, { type: "tanh" }, { type: "linear", in: 8, out: 2 }];
  writeFileSync(at("m.json"), JSON.stringify({ layers, loss: "crossEntropy" }));
  const line1 = [{ type: "linear", in: 1, out: 1 }];
  writeFileSync(at("r.json"), JSON.stringify({ layers: line1, loss: "mse" }));
  writeFileSync(at("r.csv"), `t,celsius\n${Array.from({ length: 20 }, (_, i) => `${i},${2 * i + 1}`).join("\n")}\n`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("chainrule predict", () => {
  test("prepares new rows as the training rows were, and names classes and lines", async () => {
    const flags = ["--missing", "drop", "--standardise", "--split", "0.7,0.15,0.15", "--steps", "300", "--lr", "0.02"];
    const save = ["--save", at("w.safetensors"), "--log", at("log.jsonl"), "--json"];
    const trained = await command(train, [at("m.json"), "--data", at("trees.csv"), ...flags, ...save, ...cpu]);
    expect(JSON.parse(trained.out)).toMatchObject({ test: { accuracy: 1 }, validation: { accuracy: 1 } });
    expect(readFileSync(at("log.jsonl"), "utf8")).toContain('"evaluation":"validation"');
    // Other columns, another order, one row that lacks what the net needs.
    writeFileSync(
      at("new.csv"),
      'note,mass,kind,height\na,1010,oak,3\nb,1020,"pine, old",4\nc,1020,fir,?\nd,1030,fir,5\n',
    );
    const args = [at("m.json"), "--weights", at("w.safetensors"), "--data", at("new.csv"), ...cpu];
    await expect(command(predict, [...args, "--out", "-"])).rejects.toThrow('new.csv, line 4, column "height"');
    const { out } = await command(predict, [...args, "--missing", "drop", "--out", "-"]);
    const [header, ...rows] = out
      .trim()
      .split("\n")
      .map((text) => text.split(","));
    expect(header).toEqual(["line", "class", "p(big)", "p(small)"]);
    expect(rows.map((r) => r.slice(0, 2))).toEqual([
      ["2", "big"],
      ["3", "small"],
      ["5", "small"],
    ]);
    for (const [, , big, small] of rows) expect(Number(big) + Number(small)).toBeCloseTo(1, 6);
    // The same rows without the record mean nothing to the net, and it is said which file is wrong.
    writeFileSync(at("w.safetensors.json"), "{}");
    await expect(command(predict, [...args, "--out", at("p.csv")])).rejects.toThrow('w.safetensors.json: "format" is');
  });

  test("gives the targets of a regression under their names", async () => {
    const flags = ["--batch", "full", "--steps", "3000", "--optimizer", "adam", "--lr", "0.05", "--standardise"];
    await command(train, [at("r.json"), "--data", at("r.csv"), ...flags, "--save", at("r.safetensors"), ...cpu]);
    writeFileSync(at("t.csv"), "t\n7\n100\n");
    const args = [at("r.json"), "--weights", at("r.safetensors"), "--data", at("t.csv"), "--out", at("out.csv")];
    expect((await command(predict, [...args, ...cpu])).out).toContain("2 rows predicted");
    const [header, first, second] = readFileSync(at("out.csv"), "utf8").trim().split("\n");
    expect(header).toBe("line,celsius");
    expect(Number(first!.split(",")[1])).toBeCloseTo(15, 1);
    expect(Number(second!.split(",")[1])).toBeCloseTo(201, 0);
  });

  test.each<[string, readonly string[], string]>([
    ["two ways to say one thing", ["--split", "0.8,0.2", "--test-fraction", "0.2"], "give one of them"],
    ["shares beyond 1", ["--split", "0.8,0.4"], 'that add up to 1, got "0.8,0.4"'],
    ["no training share", ["--split", "0,1"], "--split must be two shares"],
    ["shares that are no numbers", ["--split", "a,b"], "--split must be two shares"],
    ["an unknown way with gaps", ["--missing", "fill"], "--missing must be one of refuse, drop"],
    ["rows of a CSV one by one", ["--stream"], "trees.csv: rows are read one by one from .safetensors and IDX files"],
    ["a gap", [], 'trees.csv, line 8, column "height": a value is missing'],
  ])("train refuses %s", async (_, flags, message) => {
    const args = [at("m.json"), "--data", at("trees.csv"), ...flags, "--steps", "1", ...cpu];
    await expect(command(train, args)).rejects.toThrow(message);
  });

  test("train refuses for a preset what only a file can have", async () => {
    await expect(command(train, ["iris", "--standardise", ...cpu])).rejects.toThrow("--standardise is for files");
    await expect(command(train, ["iris", "--standardise", "--label", "y", ...cpu])).rejects.toThrow(" are for files");
  });
});

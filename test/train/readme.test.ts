import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as library from "../../src/index.ts";
import { outputShape, shapesOf } from "../../src/nn/shapes.ts";
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

test("the net of any wiring of the README is one, and so is the model file", () => {
  const text = readText("README.md");
  const [, code] = [...text.matchAll(/```ts\n([\s\S]*?)```/g)][1]!;
  const names = Object.keys(library);
  const make = new Function(...names, `${code}return model;`) as (...values: unknown[]) => library.ModelSpec;
  const model = make(...Object.values(library));
  expect(outputShape(model)).toEqual([10]);
  expect(model.layers.filter(({ type }) => type === "add")).toHaveLength(3);
  const files = [...text.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json]) => library.parseModel(JSON.parse(json!)));
  expect(files.map((file) => shapesOf(file).shapes.at(-1))).toEqual([[10], [10]]);
});

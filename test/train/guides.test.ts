import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { tools } from "../../scripts/process.mjs";
import { bare, blocksOf, differs, runGuide } from "../shared/guides.ts";
import { againstSources, readText, root, runIn } from "../shared/program.ts";
import { pythonHere } from "../shared/python.ts";

const guides = readdirSync(join(root, "docs/guides/en")).map((file) => file.replace(/\.md$/, ""));
const blocks = (language: "en" | "zh", guide: string) => blocksOf(readText(`docs/guides/${language}/${guide}.md`));

/** Runs all that a guide holds, in a folder of its own. */
async function run(language: "en" | "zh", guide: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "chainrule-guide-"));
  try {
    await runGuide(blocks(language, guide), folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether it is the same in both languages, comments aside. */
const same = (guide: string): boolean => {
  const [en, zh] = (["en", "zh"] as const).map((language) => blocks(language, guide).map((b) => bare(b, "keep")));
  return JSON.stringify(en) === JSON.stringify(zh);
};

test("the guides are the same six in both languages, and the index names them all", () => {
  expect(guides.sort()).toEqual(["first-net", "gradient-check", "kernel", "own-data", "own-op", "pytorch"]);
  expect(readdirSync(join(root, "docs/guides/zh")).sort()).toEqual(guides.map((guide) => `${guide}.md`));
  const index = readText("docs/guides/README.md");
  for (const language of ["en", "zh"]) {
    for (const guide of guides) expect(index).toContain(`(${language}/${guide}.md)`);
  }
});

describe(`every block of a guide runs and prints what the guide says (${pythonHere().text})`, () => {
  test.each(guides)("%s, in English", (guide) => run("en", guide));
  // A guide whose blocks are the English one's, comments aside, has run already.
  const others = guides.filter((guide) => !same(guide));
  if (others.length > 0) test.each(others)("%s, in Chinese", (guide) => run("zh", guide));
});

test.each([
  [
    "a number that is not printed",
    '```ts a.mts\nconsole.log("loss", 0.5);\n```\n\n```text\nloss 0.7\n```\n',
    "line 5 (text)",
  ],
  ["a program that fails", "```ts a.mts\nthrow new Error();\n```\n", "line 1 (ts): it ended with 1"],
  [
    "a command that fails",
    "```sh\nnpx chainrule train nothing.json\n```\n",
    "line 1 (sh): npx chainrule train nothing.json ended",
  ],
  ["a command that should fail", "```sh\nnpx chainrule check --help # exit status 1\n```\n", "ended with 0"],
  ["a language that nobody runs", "```js\n1;\n```\n", "line 1 (js): blocks are ts"],
])("a guide with %s fails", async (_name, guide, message) => {
  const folder = mkdtempSync(join(tmpdir(), "chainrule-guide-"));
  await expect(runGuide(blocksOf(guide), folder)).rejects.toThrow(message);
  rmSync(folder, { recursive: true, force: true });
});

test("every program of a guide compiles, strictly", async () => {
  const folder = mkdtempSync(join(root, "node_modules", ".guides-"));
  try {
    const files = guides.flatMap((guide) =>
      blocks("en", guide)
        .filter((block) => block.language === "ts")
        .map(({ code, info }) => {
          const file = join(folder, info);
          writeFileSync(file, againstSources(code));
          return file;
        }),
    );
    expect(new Set(files).size).toBe(files.length);
    const config = join(folder, "tsconfig.json");
    const declarations = ["src/**/*.d.ts", "shaders/*.d.ts"].map((pattern) => join(root, pattern));
    writeFileSync(config, JSON.stringify({ extends: join(root, "tsconfig.json"), include: declarations, files }));
    const { status, out } = await runIn(root, process.execPath, [tools.tsc, "--project", config]);
    expect(out).toBe("");
    expect(status).toBe(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.each(guides)("%s has the same blocks in both languages, apart from comments and strings", (guide) => {
  const shape = (language: "en" | "zh") =>
    blocks(language, guide).map((b) => ({
      ...{ language: b.language, info: b.info },
      code: b.language === "text" ? "" : bare(b, "drop"),
    }));
  expect(shape("zh")).toEqual(shape("en"));
  const lines = (language: string) => readText(`docs/guides/${language}/${guide}.md`).trim().split("\n").length;
  for (const language of ["en", "zh"]) {
    expect(lines(language)).toBeGreaterThanOrEqual(60);
    expect(lines(language)).toBeLessThanOrEqual(150);
  }
});

test("every link of a guide leads to a file that is there", () => {
  const files = ["docs/guides/README.md"].concat(
    ["en", "zh"].flatMap((language) => guides.map((guide) => `docs/guides/${language}/${guide}.md`)),
  );
  for (const file of files) {
    for (const [, link] of readText(file).matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      expect(() => readText(join(file, "..", link!)), `${file}: ${link}`).not.toThrow();
    }
  }
});

describe("what is printed is held against what a guide says", () => {
  const said = "step 10 loss 0.512\n...\nPASS: all on ... (4 of 4)\n";
  test.each([
    ["the same", "step 10  loss 0.512\nPASS: all on a GPU (4 of 4)", null],
    ["other last digits, other lines between", "step 10 loss 0.54\nmore\nand more\nPASS: all on x (4 of 4)", null],
    ["another loss", "step 10 loss 0.7\nPASS: all on x (4 of 4)", "not printed: step 10 loss 0.512"],
    ["another count", "step 10 loss 0.512\nPASS: all on x (3 of 4)", "not printed: PASS: all on ... (4 of 4)"],
    ["another word", "step 10 cost 0.512\nPASS: all on x (4 of 4)", "not printed: step 10 loss 0.512"],
    ["a line too many", "step 10 loss 0.512\nPASS: all on x (4 of 4)\nFAIL", "the lines are there, but"],
  ])("%s", (_name, printed, complaint) => {
    const found = differs(said, printed, 0.1);
    if (complaint === null) expect(found).toBeNull();
    else expect(found).toContain(complaint);
  });
  test("rounding is rounding, and a loose text asks for a number", () => {
    expect(differs("error 4.65e-7", "error 2.1e-8", 0.1)).toBeNull();
    expect(differs("error 4.65e-7", "error 2.1e-3", 0.1)).not.toBeNull();
    expect(differs("error 4.65e-7", "error 2.1e-3", "any")).toBeNull();
    expect(differs("error 4.65e-7", "error none", "any")).not.toBeNull();
  });
});

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

test("the library example of the README runs as it stands, and learns exclusive or", () => {
  const [, example] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8"))!;
  expect(example!.trim().split("\n").length).toBeLessThanOrEqual(18);
  // The package's own sources stand in for its build.
  const code = example!
    .replace('"chainrule/node"', '"../../src/node.ts"')
    .replace('"chainrule"', '"../../src/index.ts"');
  const folder = mkdtempSync(join(root, "node_modules", ".readme-"));
  try {
    const file = join(folder, "example.mts");
    writeFileSync(file, code.replaceAll("../../src", join(root, "src")));
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", file], {
      cwd: root,
      encoding: "utf8",
    });
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/^100 [\d.e-]+\n200 [\d.e-]+\n300 [\d.e-]+\n/);
    expect(stdout).toContain("accuracy: 1");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** stderr of a whole process: what native code writes is kept back line by line, what comes before and behind is not. */
const quiet = fileURLToPath(new URL("../../src/platform/quiet.ts", import.meta.url));
const program = `
  import { openSync, writeSync } from "node:fs";
  import { keepingStderr, writeLines } from ${JSON.stringify(quiet)};
  process.stderr.write("before\\n");
  const { result: given, lines } = keepingStderr(() => {
    writeSync(2, "Warning: noise 1\\nWarning: of importance\\nWarning: noise 2\\n");
    return 7;
  });
  writeLines(lines.filter((line) => !line.startsWith("Warning: noise")));
  try {
    keepingStderr(() => { throw new Error("thrown"); });
  } catch (error) {
    process.stderr.write(given + " " + error.message + "\\n");
  }
  writeSync(2, "behind\\n");
  if (openSync("/dev/null", "r") < 3) process.stderr.write("a number was lost\\n");
`;

function stderrOf(file: string): string {
  const fd = openSync(file, "a");
  const args = ["--import", "tsx", "--input-type=module", "-e", program];
  execFileSync(process.execPath, args, { stdio: ["ignore", "ignore", fd] });
  closeSync(fd);
  return readFileSync(file, "utf8");
}

test("lines that nobody can do anything about are kept off stderr, others are not", () => {
  const folder = mkdtempSync(join(tmpdir(), "chainrule-quiet-"));
  const text = stderrOf(join(folder, "stderr"));
  rmSync(folder, { recursive: true });
  const noise = process.platform === "linux" ? "" : "Warning: noise 1\n";
  expect(text).toBe(
    noise === ""
      ? "before\nWarning: of importance\n7 thrown\nbehind\n"
      : expect.stringContaining("Warning: of importance"),
  );
});

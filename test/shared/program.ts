import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Result } from "./command.ts";

export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Where the package's names lead. */
const entries = {
  "chainrule/check": "src/check/index.ts",
  "chainrule/custom": "src/custom.ts",
  "chainrule/io": "src/io/index.ts",
  "chainrule/node": "src/node.ts",
  chainrule: "src/index.ts",
} as const;

function against(code: string, place: (file: string) => string): string {
  return Object.entries(entries).reduce(
    (text, [name, file]) => text.replaceAll(`from "${name}"`, `from ${JSON.stringify(place(file))}`),
    code,
  );
}

/** A program as a document has it, against the sources. */
export const againstSources = (code: string): string => against(code, (file) => join(root, file));

/**
 * A program in JavaScript, or in types that Node does not know, ready to be run: Node's arguments and the file's text. With
 * the library that test/setup/command.ts built it starts in a third of the time that its sources take.
 */
export async function runnable(code: string, typed: boolean): Promise<{ args: readonly string[]; text: string }> {
  const built = process.env.CHAINRULE_UNDER_TEST;
  if (!built) {
    const tsx = pathToFileURL(join(root, "node_modules/tsx/dist/loader.mjs")).href;
    return { args: ["--import", tsx], text: againstSources(code) };
  }
  const text = against(code, (file) => join(built, "dist/lib", file.replace(/ts$/, "js")));
  if (!typed) return { args: [], text };
  const { default: ts } = await import("typescript");
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true };
  const { outputText } = ts.transpileModule(text, { compilerOptions });
  // Programs of one document may import each other.
  return { args: [], text: outputText.replace(/(from "\.\/[\w-]+)\.mts"/g, '$1.mjs"') };
}

/** Runs a program of a document as `npx tsx` would, in `folder`, and keeps it there under `name`, without its types. */
export async function runProgram(code: string, folder: string, name = "program.mts"): Promise<Result> {
  const { args, text } = await runnable(code, true);
  const file = join(folder, args.length > 0 ? name : name.replace(/ts$/, "js"));
  writeFileSync(file, text);
  return runIn(folder, process.execPath, [...args, file]);
}

/** Runs a command and gives all that it printed. */
export function runIn(cwd: string, command: string, args: readonly string[], env = process.env): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env });
    let [out, err] = ["", ""];
    child.stdout.on("data", (text) => {
      out += text;
    });
    child.stderr.on("data", (text) => {
      err += text;
    });
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, out, err }));
  });
}

/** A file of the clone. */
export const readText = (path: string): string => readFileSync(join(root, path), "utf8");

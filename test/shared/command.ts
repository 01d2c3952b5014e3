import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const clone = fileURLToPath(new URL("../../", import.meta.url));
/** The command: as test/setup/command.ts built it, else as the clone has it. */
export const bin = join(process.env.CHAINRULE_UNDER_TEST ?? clone, "bin/chainrule.mjs");
/** The clone's own, which runs the sources. */
export const sourceBin = join(clone, "bin/chainrule.mjs");

export interface Result {
  /** null where a signal ended it. */
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command as a user would. `on` sees all output whenever there is more, and may send signals. */
export function chainrule(
  args: readonly string[],
  options: { readonly cwd?: string; readonly on?: (child: ChildProcess, out: string, err: string) => void } = {},
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, ...args], { ...(options.cwd ? { cwd: options.cwd } : {}) });
    let out = "";
    let err = "";
    child.stdout.on("data", (text) => {
      out += text;
      options.on?.(child, out, err);
    });
    child.stderr.on("data", (text) => {
      err += text;
      options.on?.(child, out, err);
    });
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, out, err }));
  });
}

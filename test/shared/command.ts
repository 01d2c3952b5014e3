import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export const bin = fileURLToPath(new URL("../../bin/chainrule.mjs", import.meta.url));

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

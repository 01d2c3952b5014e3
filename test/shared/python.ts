import { spawnSync } from "node:child_process";

/** What there is of Python. */
export interface Python {
  /** `python3`; PYTHON in the environment names another. */
  readonly command: string;
  readonly present: boolean;
  /** Whether it has PyTorch and numpy. */
  readonly torch: boolean;
  /** In words, for a test's name. */
  readonly text: string;
}

let found: Python | null = null;

/** Looks for Python, once. No test of `npm test` needs it. */
export function pythonHere(): Python {
  if (found) return found;
  const command = process.env.PYTHON ?? "python3";
  const works = (code: string): boolean => spawnSync(command, ["-c", code]).status === 0;
  const present = works("");
  const torch = present && works("import numpy, torch");
  const text = torch
    ? "Python runs, with PyTorch"
    : present
      ? "Python is compiled but does not run: no PyTorch here"
      : "Python does not run: none here";
  found = { command, present, torch, text };
  return found;
}

import { spawnSync } from "node:child_process";
import python from "./vendor.py?raw";

/** What the GPU vendor's own library reaches on this device: the limit to compare with. */
export interface VendorLimits {
  readonly device: string;
  readonly library: string;
  /** Median of one repetition; work counted as 2 M N K, for a step as three products a layer. */
  readonly rows: readonly { readonly name: string; readonly ms: number; readonly tflops: number }[];
  /** Why nothing was measured; null where something was. */
  readonly error: string | null;
}

/** Runs our Python script in its own process; where python3, torch or CUDA is missing it says so. */
export function vendorLimits(max: number): VendorLimits {
  const none = { device: "", library: "", rows: [] };
  const run = spawnSync("python3", ["-", String(max)], { input: python, encoding: "utf8", timeout: 300_000 });
  if (run.error) return { ...none, error: `python3 cannot be run: ${run.error.message}` };
  if (run.status !== 0) return { ...none, error: run.stderr.trim().split("\n").at(-1) || `status ${run.status}` };
  return { ...(JSON.parse(run.stdout) as Omit<VendorLimits, "error">), error: null };
}

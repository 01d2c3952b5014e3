import { existsSync, readFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";
import { thorough } from "../shared/thorough.ts";

/** Processor time of the whole suite, in minutes of two cores: eight are the aim, and a shared machine counts more. */
const LIMIT_MINUTES = 10;
const CORES = 2;
const SHOWN = 8;

/** A test file and what it took, in milliseconds, its imports and hooks among them. */
export interface FileTime {
  readonly file: string;
  readonly ms: number;
}

/** "slowest files: test/gpu/a.test.ts 31 s, test/train/b.test.ts 12 s" */
export function slowestText(files: readonly FileTime[], shown = SHOWN): string {
  const slowest = [...files].sort((a, b) => b.ms - a.ms).slice(0, shown);
  return `slowest files: ${slowest.map(({ file, ms }) => `${file} ${Math.round(ms / 1000)} s`).join(", ")}`;
}

/** What is wrong with a suite that took so many seconds of processor time; null where nothing is. */
export function overLimit(cpuSeconds: number, files: readonly FileTime[]): string | null {
  const minutes = cpuSeconds / 60 / CORES;
  if (minutes <= LIMIT_MINUTES) return null;
  const took = `the tests took ${minutes.toFixed(1)} minutes of ${CORES} cores, more than the ${LIMIT_MINUTES} that they may take`;
  return `${took}; give what repeats itself to npm run test:all. ${slowestText(files)}`;
}

/**
 * Names the slowest files after a run, and fails one that is over the limit. Processor time decides, not the clock: a
 * busy machine is no fault of a test. Where the system does not say it (only Linux does, in /proc), nothing fails.
 */
export class SlowestFiles implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const files = modules.map((module) => {
      const { collectDuration, setupDuration, prepareDuration, duration } = module.diagnostic();
      return { file: module.relativeModuleId, ms: collectDuration + setupDuration + prepareDuration + duration };
    });
    // Workers count once they have ended, which they have not yet here.
    process.once("exit", () => {
      const cpuSeconds = processorSeconds();
      const used = cpuSeconds === null ? "" : `, ${Math.round(cpuSeconds)} s of processor time in all`;
      console.log(slowestText(files) + used);
      const fault = cpuSeconds === null || thorough ? null : overLimit(cpuSeconds, files);
      if (fault === null) return;
      console.error(fault);
      process.exitCode = 1;
    });
  }
}

/**
 * Seconds that this process and all that it started and saw end have computed; null where that is not told. Of a browser it
 * is the process that was started, not those of its pages and its GPU, which nobody here sees end.
 */
function processorSeconds(): number | null {
  const path = "/proc/self/stat";
  if (!existsSync(path)) return null;
  const text = readFileSync(path, "utf8");
  // Behind the command's name in brackets: utime, stime, cutime and cstime are fields 14 to 17, in hundredths.
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  return fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) / 100;
}

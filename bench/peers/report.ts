import type { Timing } from "../../src/bench/stats.ts";
import { spread } from "../../src/bench/tables.ts";
import { short } from "../../src/core/format.ts";
import type { Cell } from "./run-task.ts";
import type { ContestantName } from "./tasks.ts";

/** Everything that a run side by side measured. */
export interface PeerReport {
  readonly format: "chainrule-peers";
  readonly version: 1;
  readonly date: string;
  readonly chainrule: string;
  readonly browser: string;
  readonly adapter: string;
  /** True: ratios within this report mean something, absolute figures do not. */
  readonly software: boolean;
  readonly processor: string;
  /** Versions of the peers, as installed. */
  readonly versions: Readonly<Record<string, string>>;
  readonly contestants: { name: ContestantName; description: string }[];
  readonly tasks: { task: string; cells: readonly Cell[] }[];
  /**
   * Of a fresh page, from the navigation's start to the loss of the first step; and with a context and a page before that,
   * and reading what is checked and closing them behind. Null where it failed.
   */
  readonly cold: {
    contestant: ContestantName;
    ms: Timing | null;
    closedMs: Timing | null;
    error: string | null;
  }[];
  complete: boolean;
}

const cellText = (c: Cell | undefined): string =>
  !c ? "-" : c.ms ? spread(c.ms) : c.wrong ? `WRONG: ${c.error}` : `failed: ${c.error}`;

/** Milliseconds, one row a task and one column a contestant. */
export function peerRows(report: PeerReport): { header: string[]; rows: string[][] } {
  const names = report.contestants.map((c) => c.name);
  const rows = report.tasks.map(({ task, cells }) => [
    task,
    ...names.map((n) => cellText(cells.find((c) => c.contestant === n))),
  ]);
  if (report.cold.length > 0) {
    const of =
      (key: "ms" | "closedMs") =>
      (n: ContestantName): string => {
        const found = report.cold.find((c) => c.contestant === n);
        return found?.[key] ? spread(found[key]) : `failed: ${found?.error ?? "not run"}`;
      };
    rows.push(["first step from a cold page", ...names.map(of("ms"))]);
    rows.push(["the same with opening and closing it", ...names.map(of("closedMs"))]);
  }
  return { header: ["ms", ...names], rows };
}

/** How many times slower than Chainrule on the same kind of device, task by task. */
export function ratioRows(report: PeerReport): { header: string[]; rows: string[][] } {
  const pairs = report.contestants
    .map(({ name }) => ({
      name,
      own: (name.endsWith("webgpu") ? "chainrule-webgpu" : "chainrule-cpu") as ContestantName,
    }))
    .filter(({ name, own }) => name !== own);
  const rows = report.tasks.map(({ task, cells }) => [
    task,
    ...pairs.map(({ name, own }) => {
      const median = (n: ContestantName) => cells.find((c) => c.contestant === n)?.ms?.median;
      const [theirs, ours] = [median(name), median(own)];
      return theirs !== undefined && ours !== undefined ? `${short(theirs / ours)}x` : "-";
    }),
  ]);
  return { header: ["time / Chainrule's", ...pairs.map((p) => `${p.name} / ${p.own}`)], rows };
}

/** Dispatches and peak memory of a step or another repetition, one row a task and one column a contestant on WebGPU. */
export function useRows(report: PeerReport): { header: string[]; rows: string[][] } {
  const names = report.contestants.map((c) => c.name).filter((name) => name.endsWith("webgpu"));
  const rows = report.tasks
    .filter(({ cells }) => cells.some((c) => c.use))
    .map(({ task, cells }) => [
      task,
      ...names.map((name) => {
        const use = cells.find((c) => c.contestant === name)?.use;
        return use ? `${short(use.dispatches)}, ${short(use.peakBytes / 1e6)} MB` : "-";
      }),
    ]);
  return { header: ["dispatches, peak of buffers", ...names], rows };
}

export function peerHead(report: PeerReport): string[] {
  return [
    `Adapter: ${report.adapter}`,
    `Browser: ${report.browser}`,
    `Processor: ${report.processor}`,
    `Chainrule ${report.chainrule}; ${Object.entries(report.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}; ${report.date}`,
    ...(report.software ? ["This is a software adapter: ratios only, no figure here is a speed."] : []),
    ...(report.complete ? [] : ["Stopped before the end: the tables hold what was measured."]),
  ];
}

export function peerMarkdown(report: PeerReport): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((c) => c.replaceAll("|", "\\|")).join(" | ")} |`;
  const table = ({ header, rows }: { header: string[]; rows: string[][] }): string =>
    [line(header), line(header.map((_, i) => (i === 0 ? "---" : "--:"))), ...rows.map(line)].join("\n");
  const parts = [
    "# Side by side",
    peerHead(report).join("  \n"),
    table(peerRows(report)),
    table(ratioRows(report)),
    table(useRows(report)),
  ];
  return `${parts.join("\n\n")}\n`;
}

import { ChainruleError } from "../core/errors.ts";
import { brief } from "../core/format.ts";
import type { BenchReport } from "./report.ts";
import { type Timing, timing } from "./stats.ts";

/** Rows of a list, samples of a timing, characters of a text, names of features: no run of ours has nearly as many. */
const MOST_ROWS = 1000;
const MOST_TEXT = 1000;

type Kind = "text" | "number" | "flag" | "timing" | "number?" | "timing?";
type Fields = Readonly<Record<string, Kind>>;

/** The fields of a row of each list. A report of version 1 has all of them, but convolutions, which came later. */
const LISTS = {
  ceilings: { name: "text", what: "text", verified: "flag", value: "number?", unit: "text", ms: "timing?" },
  products: {
    ...{ form: "text", M: "number", N: "number", K: "number", name: "text", kernel: "text", verified: "flag" },
    ...{ firstMs: "number?", gpuMs: "timing?", gbps: "number?", gflops: "number?" },
    ...{ cpuMs: "timing?", cpuGflops: "number?" },
  },
  convolutions: {
    ...{ name: "text", form: "text", kernel: "text", verified: "flag", firstMs: "number?" },
    ...{ gpuMs: "timing?", gflops: "number?", cpuMs: "timing?", cpuGflops: "number?" },
  },
  steps: {
    ...{ name: "text", parameters: "number", batch: "number", backend: "text", kind: "text", verified: "flag" },
    ...{ firstMs: "number?", ms: "timing?", stepsPerSecond: "number?" },
  },
  crossover: { width: "number", batch: "number", verified: "flag", gpuMs: "number?", cpuMs: "number?" },
  logging: { name: "text", backend: "text", every10: "timing", never: "timing", overhead: "number" },
} as const satisfies Readonly<Record<string, Fields>>;

const HEAD = { date: "text", chainrule: "text", runtime: "text", processor: "text", complete: "flag" } as const;

/**
 * A report that was saved, from what its JSON says: only the fields of a report, each of its kind, so that whatever shows
 * it meets nothing else. Throws ChainruleError "file" naming the field that is wrong.
 */
export function parseReport(json: unknown): BenchReport {
  const report = object(json, "the report");
  if (report.format !== "chainrule-bench" || report.version !== 1) {
    fail(`not a benchmark report of version 1: format ${brief(report.format)}, version ${brief(report.version)}`);
  }
  const { adapter } = report;
  const lists = Object.entries(LISTS).map(
    ([name, fields]) => [name, rows(report[name] ?? (name === "convolutions" ? [] : null), name, fields)] as const,
  );
  return {
    format: "chainrule-bench",
    version: 1,
    ...pick(report, HEAD, "the report"),
    adapter: adapter === null ? null : adapterOf(adapter),
    ...Object.fromEntries(lists),
  } as unknown as BenchReport;
}

function adapterOf(value: unknown): object {
  const adapter = object(value, "adapter");
  const features = list(adapter.features, "adapter.features").map((f) => fieldOf(f, "text", "adapter.features"));
  const limits = object(adapter.limits, "adapter.limits");
  const kept = Object.entries(limits).filter(([, v]) => typeof v === "number" || typeof v === "boolean");
  return {
    ...pick(adapter, { description: "text", software: "flag" }, "adapter"),
    features,
    // Names that no limit has are carried along as own properties and never looked at.
    limits: Object.fromEntries(kept.slice(0, MOST_ROWS)),
  };
}

function rows(value: unknown, name: string, fields: Fields): object[] {
  return list(value, name).map((row, i) => pick(object(row, `${name} ${i}`), fields, `${name} ${i}`));
}

function pick(from: Readonly<Record<string, unknown>>, fields: Fields, where: string): object {
  return Object.fromEntries(
    Object.entries(fields).map(([field, kind]) => [field, fieldOf(from[field], kind, `${where}: "${field}"`)]),
  );
}

function fieldOf(value: unknown, kind: Kind, where: string): unknown {
  if (value === null && kind.endsWith("?")) return null;
  switch (kind) {
    case "text":
      return typeof value === "string" && value.length <= MOST_TEXT ? value : fail(`${where} must be a short text`);
    case "flag":
      return typeof value === "boolean" ? value : fail(`${where} must be true or false`);
    case "number":
    case "number?":
      return typeof value === "number" ? value : fail(`${where} must be a number, got ${brief(value)}`);
    default:
      return timingOf(value, where);
  }
}

/** The figures follow from the samples. */
function timingOf(value: unknown, where: string): Timing {
  const all = list(object(value, where).all, `${where}.all`);
  if (all.length === 0 || !all.every((v) => typeof v === "number")) fail(`${where}.all must hold numbers`);
  return timing(all as number[]);
}

function list(value: unknown, where: string): unknown[] {
  if (!Array.isArray(value)) fail(`${where} must be a list, got ${brief(value)}`);
  const found = value as unknown[];
  if (found.length > MOST_ROWS) fail(`${where} has ${found.length} entries; at most ${MOST_ROWS} are accepted`);
  return found;
}

function object(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(`${where} must be an object`);
  return value as Record<string, unknown>;
}

function fail(message: string): never {
  throw new ChainruleError("file", `benchmark report: ${message}`);
}

import { requireCount, requireKnownFields } from "../core/arguments.ts";
import { ChainruleError } from "../core/errors.ts";
import type { ControlAttrs } from "../ops/step/control.ts";

/**
 * Learning rate over the steps, counted from 0. Linear warm-up of W steps may stand in front of any:
 * lr (t + 1) / W for t < W, then the schedule from its own beginning.
 *   constant  lr
 *   step      lr gamma^floor(t / every)
 *   cosine    min + (lr - min) (1 + cos(pi t / steps)) / 2, then min
 *   exponential  lr (end / lr)^(t / steps), then end: the same factor every step, up or down
 */
export type ScheduleSpec =
  | { readonly type: "constant"; readonly warmup?: number }
  | { readonly type: "step"; readonly every: number; readonly gamma: number; readonly warmup?: number }
  | { readonly type: "cosine"; readonly steps: number; readonly min?: number; readonly warmup?: number }
  | { readonly type: "exponential"; readonly steps: number; readonly end: number; readonly warmup?: number };

type ScheduleAttrs = Pick<ControlAttrs, "schedule" | "lr" | "warmup" | "period" | "gamma" | "floor">;

/** Steps are i32 on the device. */
const MOST = 2 ** 31 - 1;

/** Settings of each kind. */
const settingsOf: Readonly<Record<ScheduleSpec["type"], readonly string[]>> = {
  constant: ["warmup"],
  step: ["every", "gamma", "warmup"],
  cosine: ["steps", "min", "warmup"],
  exponential: ["end", "steps", "warmup"],
};

function requireKind(type: string): asserts type is ScheduleSpec["type"] {
  if (Object.hasOwn(settingsOf, type)) return;
  throw new ChainruleError("usage", `unknown schedule "${type}"; known are ${Object.keys(settingsOf).join(", ")}`);
}

/** The numbers that the device's schedule takes. Throws on what cannot be meant. */
export function scheduleAttrs(spec: ScheduleSpec, lr: number): ScheduleAttrs {
  requireKind(spec.type);
  requireKnownFields(`schedule ${spec.type}`, spec, ["type", ...settingsOf[spec.type]]);
  const warmup = spec.warmup ?? 0;
  requireCount("schedule: warmup", warmup, 0, MOST);
  const base = { schedule: spec.type, lr, warmup, period: 1, gamma: 1, floor: 0 };
  if (spec.type === "step") {
    requireCount("schedule: every", spec.every, 1, MOST);
    if (!(spec.gamma > 0 && spec.gamma <= 1)) {
      throw new ChainruleError("usage", `schedule: gamma must be above 0 and at most 1, got ${spec.gamma}`);
    }
    return { ...base, period: spec.every, gamma: spec.gamma };
  }
  if (spec.type === "cosine") {
    requireCount("schedule: steps", spec.steps, 1, MOST);
    const min = spec.min ?? 0;
    if (!(min >= 0 && min <= lr)) throw new ChainruleError("usage", `schedule: min must be from 0 to lr, got ${min}`);
    return { ...base, period: spec.steps, floor: min };
  }
  if (spec.type === "exponential") {
    requireCount("schedule: steps", spec.steps, 1, MOST);
    if (!(spec.end > 0 && Number.isFinite(spec.end))) {
      throw new ChainruleError("usage", `schedule: end must be a positive number, got ${spec.end}`);
    }
    return { ...base, period: spec.steps, gamma: spec.end / lr };
  }
  return base;
}

/**
 * Reads a schedule from text: `constant`, `step:every=1000,gamma=0.5`, `cosine:steps=5000,min=0`,
 * `exponential:steps=5000,end=0.001`, each with `warmup=100` if wanted. A cosine or exponential without steps spans the
 * run.
 */
export function parseSchedule(text: string, runSteps: number): ScheduleSpec {
  const [type, rest = ""] = text.split(":", 2) as [string, string?];
  requireKind(type);
  const settings: Record<string, number> = {};
  for (const pair of rest.split(",").filter((p) => p !== "")) {
    const [key, value] = pair.split("=", 2) as [string, string?];
    const names = settingsOf[type];
    if (!names.includes(key) || value === undefined || value.trim() === "" || Number.isNaN(Number(value))) {
      throw new ChainruleError(
        "usage",
        `schedule ${type}: cannot read "${pair}"; it takes ${names.map((n) => `${n}=NUMBER`).join(", ")}`,
      );
    }
    settings[key] = Number(value);
  }
  if (type === "step") return { type, every: settings.every ?? 1000, gamma: settings.gamma ?? 0.1, ...warm(settings) };
  const steps = settings.steps ?? Math.max(1, runSteps - (settings.warmup ?? 0));
  if (type === "exponential") {
    if (settings.end === undefined)
      throw new ChainruleError("usage", "schedule exponential: say where it ends, end=NUMBER");
    return { type, steps, end: settings.end, ...warm(settings) };
  }
  if (type === "cosine") {
    return { type, steps, min: settings.min ?? 0, ...warm(settings) };
  }
  return { type: "constant", ...warm(settings) };
}

function warm(settings: Record<string, number>): { warmup?: number } {
  return settings.warmup === undefined ? {} : { warmup: settings.warmup };
}

import { signal } from "@preact/signals";
import type { Progress } from "../worker/types.ts";
import { Curve } from "./curve.ts";
import { netText } from "./net.ts";
import { imageNets, type Settings } from "./settings.ts";

/** Losses over whole data sets, as they were found now and then. */
export class Evaluations {
  readonly steps: number[] = [];
  readonly losses: number[] = [];
  readonly accuracies: (number | null)[] = [];

  add(step: number, e: NonNullable<Progress["evaluation"]>): void {
    if (this.steps.at(-1) === step) return;
    this.steps.push(step);
    this.losses.push(e.loss);
    this.accuracies.push(e.accuracy);
  }
}

/** A run whose curves are drawn: the one that trains, or one that was kept. */
export interface Run {
  readonly id: number;
  readonly name: string;
  /** Index into the colours of runs; 0 is the one that trains. */
  readonly colour: number;
  readonly curve: Curve;
  readonly evaluations: Evaluations;
}

let made = 0;

export function newRun(name: string): Run {
  return { id: ++made, name, colour: 0, curve: new Curve(), evaluations: new Evaluations() };
}

export function nameOf(s: Settings): string {
  const fault = s.fault === "none" ? "" : ` !${s.fault}`;
  const { graph } = s;
  const net = graph
    ? Object.hasOwn(imageNets, graph.link)
      ? graph.link
      : `${graph.model.layers.length} layers`
    : netText(s.net);
  return `${s.data} ${net} ${s.optimizer} ${s.lr}${fault}`;
}

/** Curves beyond this many cannot be told apart. */
export const MOST_KEPT = 7;

export const live = signal<Run>(newRun(""));
export const kept = signal<readonly Run[]>([]);
/** Counts up whenever a curve has new points, or runs come and go. */
export const curveVersion = signal(0);

/** Keeps the run that trains, as it is now, beside those to come. */
export function keepRun(name = live.value.name): void {
  const run = live.value;
  if (kept.value.length >= MOST_KEPT || run.curve.steps.length === 0 || kept.value.some((r) => r.id === run.id)) return;
  const used = new Set(kept.value.map((r) => r.colour));
  const colour = Array.from({ length: MOST_KEPT }, (_, i) => i + 1).find((c) => !used.has(c))!;
  kept.value = [...kept.value, { ...run, name, colour }];
}

export function renameRun(id: number, name: string): void {
  kept.value = kept.value.map((r) => (r.id === id ? { ...r, name } : r));
  curveVersion.value++;
}

export function dropRun(id: number): void {
  kept.value = kept.value.filter((r) => r.id !== id);
  curveVersion.value++;
}

import { effect, signal } from "@preact/signals";
import { proxy } from "comlink";
import { engine } from "../state/engine.ts";
import { enqueue, playing, run, settings, take, togglePlay } from "../state/store.ts";
import type { TensorPicture, XrayReport } from "../worker/xray.ts";

export const report = signal<XrayReport | null>(null);
export const checking = signal(false);
/** How many of the nodes have been compared; null while values are still computed. */
export const progress = signal<{ readonly done: number; readonly of: number } | null>(null);
export const shown = signal<TensorPicture | null>(null);

/** Steps that a broken run takes before it is looked at: enough for its loss to show something. */
const BROKEN_STEPS = 40;

async function check(): Promise<void> {
  checking.value = true;
  try {
    const found = await engine.xray(
      proxy((done, of) => {
        progress.value = { done, of };
      }),
    );
    if (!found) return;
    report.value = found;
    const first = found.firstDivergent ?? found.tensors.find((t) => t.parameter && t.shape.length > 1)?.name;
    if (first) await show(first);
  } finally {
    checking.value = false;
    progress.value = null;
  }
}

/** Ends the check that runs; what was known before stays. */
export function cancel(): void {
  void engine.cancelXray();
}

/** Checks the step that the run is at; a run that plays goes on afterwards. */
export function checkNow(): void {
  if (checking.value) return;
  checking.value = true;
  enqueue(async () => {
    const goOn = playing.value;
    await check();
    if (!goOn) return;
    playing.value = false;
    togglePlay();
  });
}

/** Checks a run before it plays: at its first step, or where something is broken, a little later. */
export async function firstCheck(): Promise<void> {
  report.value = null;
  shown.value = null;
  if (settings.value.fault !== "none") take(await engine.steps(BROKEN_STEPS));
  await check();
}

export async function show(name: string): Promise<void> {
  shown.value = await engine.tensor(name);
}

/** The run that was checked last: another one makes its report old. */
let checked: unknown = null;
effect(() => {
  if (report.value) checked = run.peek();
});

/** Called when the room opens: checks where nothing is known of this run yet. */
export function opened(): void {
  if (run.value && checked !== run.value) checkNow();
}

import { signal } from "@preact/signals";
import type { SavedRun } from "../worker/types.ts";
import { engine } from "./engine.ts";

/** A run of these settings that was kept before the page was opened; null where there is none, or it was dealt with. */
export const saved = signal<SavedRun | null>(null);
/** Why the run that trains cannot be kept for a reload; null where it can. */
export const unsaved = signal<string | null>(null);

/** A reason that was read and put away; the worker goes on giving it. */
let dismissed: string | null = null;
let asked = 0;

/** News of the run that trains: once it is where the kept one was, there is nothing left to go on from. */
export function followSaved(step: number, reason: string | null): void {
  if (saved.value && step >= saved.value.step) saved.value = null;
  if (reason !== dismissed) unsaved.value = reason;
}

export function dismissUnsaved(): void {
  dismissed = unsaved.value;
  unsaved.value = null;
}

/** Asks while training begins already; an answer about settings that have changed since counts no more. */
export async function lookForSaved(): Promise<void> {
  const mine = ++asked;
  saved.value = null;
  const found = await engine.savedRun().catch(() => null);
  if (mine === asked) saved.value = found;
}

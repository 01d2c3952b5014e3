/** Where choices are kept from one run to the next: names of kernels by key. */
export interface ChoiceStore {
  /** What was kept for an adapter; {} where there is nothing. */
  load(adapter: string): Promise<Readonly<Record<string, string>>>;
  /** Keeps all choices for an adapter. */
  save(adapter: string, choices: Readonly<Record<string, string>>): Promise<void>;
}

/** Choices that one adapter can have come to: products of some hundred nets. */
const MOST_CHOICES = 10_000;
/** Characters of a key, and of a kernel's name. */
const MOST_KEY = 1000;
const MOST_NAME = 100;

/**
 * Names of kernels by key, out of what a store gave back, which others may have written: anything that is no such thing
 * is left out. A name only ever selects one of our own kernels, so what is wrong here costs time, never a result.
 */
export function storedChoices(stored: unknown): Map<string, string> {
  const choices = new Map<string, string>();
  if (typeof stored !== "object" || stored === null) return choices;
  for (const key in stored) {
    if (choices.size >= MOST_CHOICES) break;
    if (!Object.hasOwn(stored, key) || key.length > MOST_KEY) continue;
    const name: unknown = (stored as Record<string, unknown>)[key];
    if (typeof name === "string" && name.length <= MOST_NAME) choices.set(key, name);
  }
  return choices;
}

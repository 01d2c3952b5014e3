import { signal } from "@preact/signals";

/** x, y in [-1, 1], and the class. */
export type Point = readonly [x: number, y: number, label: number];

export const painting = signal(false);
export const points = signal<readonly Point[]>([]);

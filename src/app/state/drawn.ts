import { signal } from "@preact/signals";

/** What is drawn in the box, as the net sees it; null while nothing is. */
export const drawn = signal<Float32Array | null>(null);

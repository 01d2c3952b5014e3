import { signal } from "@preact/signals";

/** Whether a chain of dense layers is shown in the editor for any net. */
export const editing = signal(false);

/** Whether a chain of dense layers is drawn; any other net is, unless that was closed. */
export const netDrawn = signal<boolean | null>(null);

/** What is wrong with the layers as they stand in the editor: nothing trains meanwhile. Null where nothing is. */
export const draftWrong = signal<string | null>(null);

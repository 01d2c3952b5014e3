import { computed, effect, signal } from "@preact/signals";
import { sizeOf } from "../../core/ndarray.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { draftWrong } from "../state/editing.ts";
import { denseForm } from "../state/net-form.ts";
import { formOf } from "../state/net-link.ts";
import { type Ends, modelOf, type Settings } from "../state/settings.ts";
import { change, ends, enqueue, own, pause, problem, settings, startPlaying } from "../state/store.ts";
import { type Draft, draftOf, judge } from "./draft.ts";

/** The model that the settings say. */
export const current = computed(() => modelOf(settings.value, own.value));
/** What tells it from others, and from itself on other data. */
const textOfModel = (model: ModelSpec, { inputs, outputs }: Ends): string =>
  JSON.stringify([model.input, model.layers, inputs, outputs]);

/** What is being edited. It stays as it is, right or wrong, until the settings say another net. */
export const draft = signal<Draft>({ input: undefined, layers: [] });
export const judged = computed(() => judge(draft.value, ends.value));
/** The id of the layer whose fields are open. */
export const opened = signal<number | null>(null);
/** Whether the page's simple controls can say this net too. */
export const isSimple = computed(() => denseForm(current.value, true) !== null);

/** The text of the net that the draft came from, or became. */
let taken = "";

effect(() => {
  const text = textOfModel(current.value, ends.value);
  if (text === taken) return;
  taken = text;
  draft.value = draftOf(current.value);
  draftWrong.value = null;
});

/** Takes a change: a sound net trains at once, a wrong one stops what trains until it is mended. */
export function edit(next: Draft): void {
  draft.value = next;
  const { model, wrong } = judged.value;
  if (wrong) {
    draftWrong.value = wrong.message;
    pause();
    return;
  }
  const wasWrong = draftWrong.value !== null;
  draftWrong.value = null;
  const text = textOfModel(model!, ends.value);
  if (text !== taken) {
    taken = text;
    enqueue(async () => takeForm(await formOf(model!, settings.value, true), text));
  } else if (wasWrong) {
    problem.value = null;
    enqueue(startPlaying);
  }
}

function takeForm(form: Partial<Settings>, text: string): void {
  // Another edit may have come meanwhile.
  if (text === taken && draftWrong.value === null) change(form);
}

/** Values that a row's way through the net leaves, and parameters. */
export function costs(
  { layers, shapes, input }: NonNullable<ReturnType<typeof judge>["sound"]>,
  counts: readonly number[],
) {
  return {
    layers: layers.length,
    parameters: counts.reduce((a, b) => a + b, 0),
    values: shapes.reduce((sum, shape) => sum + sizeOf(shape), sizeOf(input)),
  };
}

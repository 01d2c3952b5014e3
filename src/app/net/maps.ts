import { effect, signal } from "@preact/signals";
import { calledName, layerName } from "../../nn/model-spec.ts";
import { drawn } from "../state/drawn.ts";
import { engine } from "../state/engine.ts";
import { generation, pictures, run, settings } from "../state/store.ts";
import type { Inside } from "../worker/inside.ts";

/** Maps of so many layers are shown at once; of deeper nets those of one that is chosen. */
const MOST_AT_ONCE = 4;

/** The row of the data that is looked at, or what is drawn. */
export const source = signal<number | "drawn">(0);
/** The layer whose maps are shown, by place, where there are many. */
export const chosen = signal<number | null>(null);
export const found = signal<Inside | null>(null);
export const failed = signal<string | null>(null);

/** Layers whose values are maps. */
export function mapLayers(): readonly { readonly at: number; readonly name: string }[] {
  const layers = settings.value.graph?.model.layers ?? [];
  return layers.flatMap((layer, at) =>
    /^(conv|maxPool|avgPool|adaptiveAvgPool|upsample)/.test(layer.type)
      ? [{ at, name: `${calledName(layer, at)}.${layerName(layer)}` }]
      : [],
  );
}

/** Those that are shown now. */
export function shownLayers(): readonly number[] {
  const all = mapLayers().map((l) => l.at);
  if (all.length <= MOST_AT_ONCE) return all;
  return [all.includes(chosen.value ?? -1) ? chosen.value! : all[0]!];
}

let busy = false;
let again = false;

/** Asks for what is shown; one question at a time, and the last one counts. */
async function look(): Promise<void> {
  again = busy;
  if (busy) return;
  const image = source.value === "drawn" ? drawn.value : source.value;
  if (image === null || run.value === null) return;
  busy = true;
  try {
    found.value = await engine.inside({ image, layers: shownLayers() });
    failed.value = null;
  } catch (cause) {
    failed.value = cause instanceof Error ? cause.message : String(cause);
  }
  busy = false;
  if (again) look();
}

/** Follows the run for as long as someone looks: anew with each evaluation, a few times a second at most. Gives the end of it. */
export function follow(): () => void {
  return effect(() => {
    void [pictures.value, generation.value, source.value, chosen.value, drawn.value, run.value];
    look();
  });
}

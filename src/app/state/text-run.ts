import { parseModel } from "../../nn/model.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { textNets } from "../../nn/text-nets.ts";
import type { OwnDocuments, OwnInfo, OwnText, TextSource } from "../worker/types.ts";
import { engine } from "./engine.ts";
import { misfit } from "./net-form.ts";
import { packNet } from "./net-link.ts";
import {
  firstTextNet,
  type GraphNet,
  OWN,
  type Settings,
  type TextForm,
  type TextNet,
  textTraining,
} from "./settings.ts";

/** The user's text that was taken last. */
let kept: OwnDocuments | null = null;

/** More characters than these are many classes for a page: such a text is learned by bytes. */
const MOST_CHARACTERS = 256;
/** Steps of a window, where the text has enough. */
const LENGTH = 64;
const SHORTEST = 4;
/** A window has to fit into the tenth that is held out. */
const SHARE = 12;

function hasManyCharacters(documents: readonly string[]): boolean {
  const found = new Set<string>();
  for (const text of documents) {
    for (const character of text) if (found.add(character).size > MOST_CHARACTERS) return true;
  }
  return false;
}

/** Reads a text of the user's, and keeps it where it can be learned; and what it asks of the settings. */
export function ownText(source: OwnDocuments): {
  readonly read: () => Promise<OwnInfo>;
  readonly more: Partial<Settings> & { readonly text: TextForm };
} {
  const { documents } = source;
  const tokens = hasManyCharacters(documents) ? "bytes" : "characters";
  const characters = documents.reduce((sum, text) => sum + text.length, 0);
  const length = Math.max(SHORTEST, Math.min(LENGTH, Math.floor(characters / SHARE)));
  const text = { tokens, length } as const;
  const read = async () => {
    const info = await engine.text(source, text);
    kept = source;
    return info;
  };
  return { read, more: { ...textTraining(firstTextNet(OWN)), graph: null, text } };
}

/** Where the text of that name comes from. */
export const sourceOf = (data: string): TextSource => (data === OWN ? kept! : { preset: data });

/** The text of these settings, read anew unless it is there in this form. */
export async function readText({ data, text }: Settings, own: OwnInfo | null): Promise<OwnInfo> {
  const preset = data === OWN ? null : data;
  const has = own?.text;
  if (has && has.preset === preset && has.tokens === text!.tokens && has.length === text!.length) return own;
  return engine.text(sourceOf(data), text!);
}

/**
 * The settings' net where it takes the text, else the same one for as many tokens and steps as the text has, where that is
 * one; else the net that the text is learned by at first. `before` is the text that the settings' net was of.
 */
export async function netFor({ graph, data }: Settings, own: OwnInfo, before: OwnText | undefined): Promise<GraphNet> {
  if (graph && misfit(graph.model, own, "") === null) return graph;
  const again = graph && before && refitted(graph.model, before, own.text!);
  if (again && misfit(again, own, "") === null) return { link: await packNet(again), model: again };
  return netOf(firstTextNet(data), own);
}

/** A net of that name, for this text. */
export async function netOf(name: TextNet, { text }: OwnInfo): Promise<GraphNet> {
  const model = textNets[name](text!.vocabulary, text!.length);
  return { link: await packNet(model), model };
}

/** Which of the offered nets a model is, for this text; null where it is none of them. */
export function nameOfNet({ layers }: ModelSpec, { vocabulary, length }: OwnText): TextNet | null {
  const said = JSON.stringify(layers);
  const names = Object.keys(textNets) as TextNet[];
  return names.find((name) => JSON.stringify(textNets[name](vocabulary, length).layers) === said) ?? null;
}

/** A net that took one text, for another; null where it is none then. */
function refitted(model: ModelSpec, from: OwnText, to: OwnText): ModelSpec | null {
  const last = model.layers.length - 1;
  const tokens = (n: number): number => (n === from.vocabulary ? to.vocabulary : n);
  const layers = model.layers.map((layer, i) => {
    if (layer.type === "embedding") return { ...layer, vocabulary: tokens(layer.vocabulary as number) };
    if (layer.type === "positionEmbedding") return { ...layer, length: to.length };
    return i === last && "out" in layer ? { ...layer, out: tokens(layer.out as number) } : layer;
  });
  try {
    return parseModel({ ...model, input: [to.length], layers });
  } catch {
    return null;
  }
}

import type { OwnInfo, TextSource } from "../worker/types.ts";
import { engine } from "./engine.ts";
import { misfit } from "./net-form.ts";
import { packNet } from "./net-link.ts";
import { type GraphNet, OWN, type Settings, TEXT_RATE, type TextForm } from "./settings.ts";
import { textNets } from "./text-nets.ts";

/** The user's text that was taken last. */
let kept: TextSource | null = null;

/** More characters than these are many classes for a page: such a text is learned by bytes. */
const MOST_CHARACTERS = 256;
/** Steps of a window, where the text has enough. */
const LENGTH = 48;
const SHORTEST = 4;
/** A window has to fit into the tenth that is held out. */
const SHARE = 12;

/** Reads a text of the user's, and keeps it where it can be learned; and what it asks of the settings. */
export function ownText(source: TextSource & { readonly text: string }): {
  readonly read: () => Promise<OwnInfo>;
  readonly more: Pick<Settings, "lr" | "graph"> & { readonly text: TextForm };
} {
  const tokens = new Set(source.text).size > MOST_CHARACTERS ? "bytes" : "characters";
  const length = Math.max(SHORTEST, Math.min(LENGTH, Math.floor(source.text.length / SHARE)));
  const text = { tokens, length } as const;
  const read = async () => {
    const info = await engine.text(source, text);
    kept = source;
    return info;
  };
  return { read, more: { lr: TEXT_RATE, graph: null, text } };
}

/** The text of these settings, read anew unless it is there in this form. */
export async function readText({ data, text }: Settings, own: OwnInfo | null): Promise<OwnInfo> {
  const preset = data === OWN ? null : data;
  const has = own?.text;
  if (has && has.preset === preset && has.tokens === text!.tokens && has.length === text!.length) return own;
  return engine.text(preset === null ? kept! : { preset }, text!);
}

/** The settings' net where it takes the text, else one that does. */
export async function netFor({ graph }: Settings, own: OwnInfo): Promise<GraphNet> {
  const fits = graph && misfit(graph.model, own, "") === null;
  return fits ? graph : netOf(Object.keys(textNets)[0]!, own);
}

/** A net of that name, for this text. */
export async function netOf(name: string, { text }: OwnInfo): Promise<GraphNet> {
  const model = textNets[name]!(text!.vocabulary, text!.length);
  return { link: await packNet(model), model };
}

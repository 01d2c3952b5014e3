import { ChainruleError } from "../../core/errors.ts";
import { gunzipIfNeeded } from "../gunzip.ts";
import type { ReadFile } from "../preset-options.ts";
import { readText } from "./read-text.ts";
import type { Text } from "./text-data.ts";

/** A text that Chainrule ships. */
export interface TextPreset {
  /** What it is, in a few words. */
  readonly description: string;
  /** The file of `public/data` that holds it. */
  readonly file: string;
  /** Origin and licence in one line. */
  readonly source: string;
}

/** Chainrule's own texts, by name. */
export const textPresets: Readonly<Record<string, TextPreset>> = {
  persuasion: {
    description: "Jane Austen's novel Persuasion: 466,854 characters of English",
    file: "persuasion.txt.gz",
    source: "Persuasion, Jane Austen 1817, public domain",
  },
  tang: {
    description: "3,741 quatrains of the Tang dynasty, five characters a line: 101,006 characters of Chinese",
    file: "tang-quatrains.txt.gz",
    source: "Quan Tangshi (subset), public domain, as collected by chinese-poetry, JackeyGao 2016, MIT",
  },
  names: {
    description: "8,422 first names, one a line",
    file: "names.txt.gz",
    source: "common first names of English speaking countries, G. Ward 2002 by way of stdlib, CC0 1.0",
  },
};

/** The text of that name. Throws ChainruleError "usage" listing the names there are. */
export async function textPreset(name: string, read: ReadFile): Promise<Text> {
  const preset = Object.hasOwn(textPresets, name) ? textPresets[name]! : null;
  if (!preset) throw new ChainruleError("usage", `no text "${name}"; there are ${Object.keys(textPresets).join(", ")}`);
  const bytes = await gunzipIfNeeded(preset.file, await read(preset.file));
  return { name, documents: [readText(preset.file, bytes)], source: preset.source };
}

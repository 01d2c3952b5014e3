import { effect, signal } from "@preact/signals";
import { fill } from "./fill.ts";

export type Language = "en" | "zh";

type Words<K extends string> = Readonly<Record<K, string>>;
/** Every word of a part of the page, in each language. The type holds the keys equal, a test the rest. */
export type Tables<K extends string> = Readonly<Record<Language, Words<K>>>;

/** English is there from the start; `speak` changes to Chinese. */
export const language = signal<Language>("en");
/** Each fetches the Chinese of a part that the page opens with. */
const fetchers: (() => Promise<void>)[] = [];

/** What was chosen before, else what the browser is set to. */
export function preferredLanguage(): Language {
  const saved = localStorage.getItem("language");
  if (saved === "en" || saved === "zh") return saved;
  return navigator.languages[0]?.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/** Speaks a language, once its words are there. Fails where they cannot be fetched; then the page speaks as before. */
export async function speak(next: Language): Promise<void> {
  if (next === "zh") await Promise.all(fetchers.map((fetch) => fetch()));
  language.value = next;
}

export async function switchLanguage(): Promise<void> {
  await speak(language.value === "en" ? "zh" : "en");
  localStorage.setItem("language", language.value);
}

effect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-Hans" : "en";
});

/** Looks words up in the language of the page; {name} in them is filled in. */
export function speaker<K extends string>(tables: Tables<K>) {
  return (key: K, values: Readonly<Record<string, string | number>> = {}): string =>
    fill(tables[language.value][key], values);
}

/** A speaker of a part that the page opens with: its Chinese is fetched only for whoever reads it. */
export function lateSpeaker<K extends string>(en: Words<K>, fetchZh: () => Promise<Words<K>>) {
  const tables = { en, zh: en };
  fetchers.push(async () => {
    tables.zh = await fetchZh();
  });
  return speaker<K>(tables);
}

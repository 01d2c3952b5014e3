import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";

const app = fileURLToPath(new URL("../../src/app/", import.meta.url));
const files = readdirSync(app, { recursive: true, encoding: "utf8" });

type Words = Record<string, string>;

/** The Chinese of what the page opens with is a file beside. */
async function tablesOf(file: string): Promise<{ en: Words; zh: Words }> {
  const module = (await import(join(app, file))) as { en: Words; tables?: { en: Words; zh: Words } };
  if (module.tables) return module.tables;
  const { zh } = (await import(join(app, file.replace(/strings\.ts$/, "strings-zh.ts")))) as { zh: Words };
  return { en: module.en, zh };
}

test("both languages have every string, none empty, with the same places to fill", async () => {
  vi.stubGlobal("localStorage", { getItem: () => null });
  vi.stubGlobal("navigator", { languages: ["en"] });
  vi.stubGlobal("document", { documentElement: {} });
  const modules = files.filter((f) => f.endsWith("strings.ts"));
  expect(modules.length).toBeGreaterThan(2);
  for (const file of modules) {
    const { en, zh } = await tablesOf(file);
    expect(Object.keys(zh).sort(), file).toEqual(Object.keys(en).sort());
    for (const [key, text] of Object.entries(en)) {
      const places = (s: string): string[] => (s.match(/\{\w+\}/g) ?? []).sort();
      expect(text.trim(), `${file}: ${key}`).not.toBe("");
      expect(zh[key]!.trim(), `${file}: ${key}`).not.toBe("");
      expect(places(zh[key]!), `${file}: ${key}`).toEqual(places(text));
    }
  }
});

test("no words stand outside the tables", () => {
  const views = files.filter((f) => f.endsWith(".tsx"));
  expect(views.length).toBeGreaterThan(10);
  for (const file of views) {
    // Names of functions in formulas are the same in every language.
    const text = readFileSync(join(app, file), "utf8").replaceAll(/<I>[a-z]+<\/I>/g, "");
    // Text between tags that is followed by a closing tag, and attributes that people read.
    const words = [...text.matchAll(/>([^<>{}=;()]*[A-Za-z]{3,}[^<>{}=;()]*)<\//g)].map((m) => m[1]!.trim());
    const spoken = [...text.matchAll(/\b(?:aria-label|title|placeholder|label)="([^"]*)"/g)].map((m) => m[1]!);
    expect(
      [...words, ...spoken].filter((w) => w !== "Chainrule"),
      file,
    ).toEqual([]);
  }
});

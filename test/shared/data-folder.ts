import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { trainPlan } from "../../src/cli/train-plan.ts";

/** Rows as a file has them. */
export const lines = (...rows: string[]): string => `${rows.join("\n")}\n`;

/** 118 whole numbers in 120 rows. */
export const prices = lines(
  "rooms,area,price",
  ...Array.from(
    { length: 120 },
    (_, i) => `${1 + (i % 5)},${27 + ((i * 13) % 170)},${100_000 + (((i % 118) * 7919) % 900_000)}`,
  ),
);
/** Days as whole numbers, which are dates. */
export const days = lines(
  "day,temp,y",
  ...Array.from({ length: 8 }, (_, i) => `${20240101 + i},${5 + (i % 3)},${i % 2 ? "even" : "odd"}`),
);

/** What the command makes of a model and a data file, before anything trains. */
export const planned = async (model: string, data: string, ...flags: string[]) =>
  (await trainPlan([model, "--data", data, ...flags]))!;
/** The one line that says what is predicted. */
export const summary = async (...given: Parameters<typeof planned>) => (await planned(...given)).summary;

/** A folder for the files of one test file, gone when that ends: `put` writes one, `net` a linear model. */
export function dataFolder() {
  const folder = mkdtempSync(join(tmpdir(), "chainrule-data-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const put = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const net = (inputs: number, outputs: number, loss: string): string =>
    put(
      `${inputs}-${outputs}-${loss}.json`,
      JSON.stringify({ layers: [{ type: "linear", in: inputs, out: outputs }], loss }),
    );
  return { folder, put, net };
}

import { expect, test } from "vitest";
import { tables } from "../../src/app/strings.ts";

test("both languages have every string, and none is empty", () => {
  expect(Object.keys(tables.zh).sort()).toEqual(Object.keys(tables.en).sort());
  for (const table of Object.values(tables)) for (const text of Object.values(table)) expect(text.trim()).not.toBe("");
});

import { expect, test } from "vitest";
import { documentation } from "../../scripts/docs.mjs";

test("every export is described, and every type that it names is exported", async () => {
  expect(await documentation(null)).toEqual([]);
});

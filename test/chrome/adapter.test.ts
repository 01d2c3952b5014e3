import { expect, test } from "vitest";
import { squares } from "../shared/square.ts";

test("the adapter computes", async () => {
  const { values, adapter } = await squares(1000);
  expect(Array.from(values), adapter).toEqual(Array.from({ length: 1000 }, (_, i) => i * i));
});

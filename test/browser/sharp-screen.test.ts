import { expect, test } from "vitest";
import { studio } from "../shared/page.ts";

/** A screen with two pixels for one, as phones have. */
const s = studio({ deviceScaleFactor: 2 });

test("pictures have more pixels there, and the size that they have elsewhere", async () => {
  await s.open("data=digits&device=cpu");
  await s.page.waitForSelector(".mistakes canvas.tile", { timeout: 30_000 });
  // All at once: pictures are drawn anew while the net trains.
  const tiles = await s.page.evaluate(() =>
    [...document.querySelectorAll("canvas.tile")].map((c) => [c.getAttribute("width"), c.clientWidth, c.clientHeight]),
  );
  expect(tiles.length).toBeGreaterThan(0);
  for (const tile of tiles) expect(tile).toEqual(["112", 56, 56]);
});

import { describe, expect, test } from "vitest";
import { violations } from "../shared/axe.ts";
import { studio } from "../shared/page.ts";

const s = studio();

const rooms = {
  train: { hash: "room=train&data=digits", ready: "#confusion td" },
  gradients: { hash: "room=gradients&data=tutorial&fault=printed", ready: "#verdict" },
  backprop: { hash: "room=backprop&data=xor", ready: "#scrub" },
  benchmark: { hash: "room=benchmark&data=moons", ready: "#bench-run" },
  kernels: { hash: "room=kernels&data=moons", ready: "#source" },
} as const;

describe("axe finds nothing", () => {
  for (const [name, { hash, ready }] of Object.entries(rooms)) {
    for (const language of ["en", "zh"] as const) {
      for (const scheme of ["light", "dark"] as const) {
        test(`${name}, ${language}, ${scheme}`, async () => {
          await s.page.addInitScript(
            ([l, t]) => {
              localStorage.setItem("language", l!);
              localStorage.setItem("theme", t!);
            },
            [language, scheme] as const,
          );
          await s.open(`${hash}&device=cpu`);
          await s.page.waitForSelector(ready, { timeout: 30_000 });
          if (name === "benchmark") {
            await s.page.click("#bench-run");
            await s.page.waitForSelector("#bench-ceilings tbody tr", { timeout: 40_000 });
          }
          expect(await violations(s.page)).toEqual([]);
        });
      }
    }
  }

  test("in the dialogs", async () => {
    await s.open("data=moons");
    await s.page.click("#code");
    await s.page.waitForSelector("#snippet");
    expect(await violations(s.page)).toEqual([]);
    await s.page.keyboard.press("Escape");
    await s.page.click("#keys");
    await s.page.waitForSelector("#help");
    expect(await violations(s.page)).toEqual([]);
  });
});

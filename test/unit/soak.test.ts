import { expect, test } from "vitest";
import { growthPerHour } from "../release/soak-figures.ts";
import { plotOf } from "../release/soak-plot.ts";

/** Runs of two kinds in turn, five minutes each, the second 90 MiB above the first, sampled each second. */
const memory = (perHour: number, seconds: number) =>
  Array.from({ length: seconds }, (_, i) => {
    const second = Math.floor(i / 300) % 2 === 1;
    const noise = ((i * 7919) % 13) - 6;
    return { kind: second ? "b" : "a", seconds: i, mebibytes: 300 + (second ? 90 : 0) + (perHour * i) / 3600 + noise };
  });

/** What decides over half an hour's soak is tried on memory whose growth is known. */
test("growth is found through noise, and the step from one kind of run to the other is none", () => {
  for (const perHour of [0, 40, 200, -60]) {
    for (const seconds of [1200, 900, 1260]) {
      expect(Math.abs(growthPerHour(memory(perHour, seconds)) - perHour), `${perHour}, ${seconds} s`).toBeLessThan(8);
    }
  }
});

test("what each lost device leaves is in it", () => {
  const lost = memory(0, 1200).map((s) => ({ ...s, mebibytes: s.mebibytes + 3 * Math.floor(s.seconds / 120) }));
  expect(Math.abs(growthPerHour(lost) - 90)).toBeLessThan(8);
});

test("one moment has no growth", () => {
  expect(() => growthPerHour([{ kind: "a", seconds: 1, mebibytes: 1 }])).toThrow("two moments of one kind");
});

test("the plot draws every sample, and nothing that is not a number", () => {
  const samples = Array.from({ length: 50 }, (_, i) => ({
    seconds: i,
    step: i,
    stepsPerSecond: i,
    rss: 2 ** 28,
    heapUsed: 2 ** 25,
    external: 2 ** 22,
    live: 2 ** 17,
    plan: 2 ** 16,
    buffers: 12,
    losses: i > 20 ? 1 : 0,
    kind: "by dispatches",
  }));
  const svg = plotOf(samples);
  const lines = [...svg.matchAll(/points="([^"]*)"/g)].map((m) => m[1]!.split(" "));
  expect(lines.map((points) => points.length)).toEqual([50, 50, 50, 50, 50, 50]);
  expect(svg).not.toMatch(/NaN|Infinity/);
  // The one loss, in each of four panels.
  expect(svg.match(/<line /g)).toHaveLength(4);
});

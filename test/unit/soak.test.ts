import { expect, test } from "vitest";
import { growth } from "../release/soak-figures.ts";
import { plotOf } from "../release/soak-plot.ts";

/** What decides over half an hour's soak is tried on memory whose growth is known. */
const memory = (perHour: number, perLoss: number) =>
  Array.from({ length: 1200 }, (_, i) => {
    const losses = Math.floor(i / 120);
    const noise = ((i * 7919) % 13) - 6;
    return [i, losses, 300 + (perHour * i) / 3600 + perLoss * losses + noise] as const;
  });

test("growth by the hour and by the lost device are told apart, through noise", () => {
  for (const [perHour, perLoss] of [
    [0, 0],
    [100, 0],
    [0, 6],
    [60, 3],
  ] as const) {
    const found = growth(memory(perHour, perLoss));
    expect(Math.abs(found.perHour - perHour)).toBeLessThan(12);
    expect(Math.abs(found.perLoss - perLoss)).toBeLessThan(0.5);
    expect(Math.abs(found.first - 300)).toBeLessThan(2);
  }
});

test("without a loss all growth is the time's", () => {
  const found = growth(memory(100, 0).map(([t, , y]) => [t, 3, y]));
  expect(Math.abs(found.perHour - 100)).toBeLessThan(5);
  expect(found.perLoss).toBe(0);
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
  }));
  const svg = plotOf(samples);
  const lines = [...svg.matchAll(/points="([^"]*)"/g)].map((m) => m[1]!.split(" "));
  expect(lines.map((points) => points.length)).toEqual([50, 50, 50, 50, 50, 50]);
  expect(svg).not.toMatch(/NaN|Infinity/);
  // The one loss, in each of four panels.
  expect(svg.match(/<line /g)).toHaveLength(4);
});

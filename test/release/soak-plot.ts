import type { Sample } from "./soak-run.ts";

const [WIDTH, HEIGHT, LEFT, GAP] = [960, 150, 90, 44];

/** A curve each for memory, live bytes and speed, over the time, one below the other; losses are vertical lines. */
export function plotOf(samples: readonly Sample[]): string {
  const mb = (bytes: number): number => bytes / 2 ** 20;
  const panels: readonly (readonly [string, readonly (readonly [string, (s: Sample) => number])[]])[] = [
    ["resident set, MiB", [["#2b6cb0", (s) => mb(s.rss)]]],
    [
      "heap and external, MiB",
      [
        ["#2f855a", (s) => mb(s.heapUsed)],
        ["#b7791f", (s) => mb(s.external)],
      ],
    ],
    [
      "live bytes (and the plan's, dashed), KiB",
      [
        ["#c53030", (s) => s.live / 1024],
        ["#1a202c dashed", (s) => s.plan / 1024],
      ],
    ],
    ["steps a second", [["#6b46c1", (s) => s.stepsPerSecond]]],
  ];
  const end = samples.at(-1)?.seconds ?? 1;
  const x = (seconds: number): number => LEFT + ((WIDTH - LEFT - 10) * seconds) / end;
  const body = panels.map(([title, lines], at) => {
    const top = at * (HEIGHT + GAP) + 30;
    const all = lines.flatMap(([, of]) => samples.map(of));
    const [low, high] = [Math.min(0, ...all), Math.max(1, ...all) * 1.05];
    const y = (value: number): number => top + HEIGHT - (HEIGHT * (value - low)) / (high - low);
    const curve = ([colour, of]: (typeof lines)[number]): string => {
      const points = samples.map((s) => `${x(s.seconds).toFixed(1)},${y(of(s)).toFixed(1)}`).join(" ");
      const [stroke, dashed] = colour.split(" ");
      return `<polyline fill="none" stroke="${stroke}"${dashed ? ' stroke-dasharray="6 4"' : ""} points="${points}"/>`;
    };
    const ticks = [low, (low + high) / 2, high].map(
      (v) => `<text x="${LEFT - 6}" y="${y(v) + 4}" text-anchor="end">${v.toFixed(v < 10 ? 1 : 0)}</text>`,
    );
    return `<text x="${LEFT}" y="${top - 8}" font-weight="bold">${title}</text>
<rect x="${LEFT}" y="${top}" width="${WIDTH - LEFT - 10}" height="${HEIGHT}" fill="none" stroke="#cbd5e0"/>
${ticks.join("")}${lossesOf(samples, x, top)}${lines.map(curve).join("\n")}`;
  });
  const total = panels.length * (HEIGHT + GAP) + 50;
  const minutes = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<text x="${x(share * end)}" y="${total - 16}" text-anchor="middle">${((share * end) / 60).toFixed(1)} min</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${total}" font-family="sans-serif" font-size="12">
<rect width="${WIDTH}" height="${total}" fill="white"/>
${body.join("\n")}
${minutes.join("")}
</svg>
`;
}

/** Where a device was lost since the sample before. */
function lossesOf(samples: readonly Sample[], x: (seconds: number) => number, top: number): string {
  return samples
    .filter((s, i) => i > 0 && s.losses > samples[i - 1]!.losses)
    .map((s) => `<line x1="${x(s.seconds)}" x2="${x(s.seconds)}" y1="${top}" y2="${top + HEIGHT}" stroke="#fc8181"/>`)
    .join("");
}

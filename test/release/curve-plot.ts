/** A loss by step, from one program. */
export interface LossCurve {
  readonly name: string;
  readonly colour: string;
  readonly dash: string;
  readonly losses: readonly number[];
}

const [WIDTH, HEIGHT, LEFT] = [960, 420, 80];

/** Curves over each other as an SVG, the loss by its logarithm; steps are counted from 1. */
export function plotCurves(title: string, curves: readonly LossCurve[]): string {
  const all = curves.flatMap((c) => c.losses).filter((v) => v > 0);
  const [low, high] = [Math.log10(Math.min(...all)), Math.log10(Math.max(...all))];
  const steps = Math.max(...curves.map((c) => c.losses.length));
  const x = (i: number): number => LEFT + ((WIDTH - LEFT - 20) * i) / Math.max(1, steps - 1);
  const y = (v: number): number => 40 + ((HEIGHT - 80) * (high - Math.log10(v))) / Math.max(1e-9, high - low);
  const lines = curves.map(({ colour, dash, losses }, at) => {
    const points = losses.flatMap((v, i) => (v > 0 ? [`${x(i).toFixed(1)},${y(v).toFixed(1)}`] : [])).join(" ");
    // The first is broad, so that those that lie on it are seen to.
    return `<polyline fill="none" stroke="${colour}" stroke-width="${at === 0 ? 5 : 1.6}" stroke-dasharray="${dash}" points="${points}"/>`;
  });
  const names = curves.map(
    ({ name, colour }, i) =>
      `<text x="${WIDTH - 20}" y="${60 + 18 * i}" text-anchor="end" fill="${colour}">${name}</text>`,
  );
  const ticks = [high, (high + low) / 2, low].map(
    (v) => `<text x="${LEFT - 8}" y="${y(10 ** v) + 4}" text-anchor="end">${(10 ** v).toPrecision(2)}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13">
<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>
<text x="${LEFT}" y="24" font-weight="bold">${title}</text>
${[...ticks, ...lines, ...names].join("\n")}
<text x="${LEFT}" y="${HEIGHT - 14}">step 1</text><text x="${WIDTH - 20}" y="${HEIGHT - 14}" text-anchor="end">step ${steps}</text>
</svg>
`;
}

/** The straight line through points (x, y) by least squares: its value at the first x, and its slope. */
export function fitted(points: readonly (readonly [number, number])[]): { first: number; slope: number } {
  const n = points.length;
  if (n < 2) throw new Error(`a line needs two points, got ${n}`);
  const [meanX, meanY] = [0, 1].map((axis) => points.reduce((sum, p) => sum + p[axis]!, 0) / n) as [number, number];
  const over = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const under = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = under === 0 ? 0 : over / under;
  return { first: meanY + slope * (points[0]![0] - meanX), slope };
}

/** A slope a second, in words an hour. */
export const perHour = (mbPerSecond: number): string => `${(3600 * mbPerSecond).toFixed(1)} MiB`;

/** What a process holds at one moment, and what kind of run it was at: each kind has a level of its own. */
export interface Held {
  readonly kind: string;
  readonly seconds: number;
  readonly mebibytes: number;
}

/**
 * Mebibytes an hour that memory rises, by least squares over samples of runs of several kinds: a line of one slope through
 * each kind's own mean. Runs of two kinds take turns, and one line through all would take the step between them for growth.
 * Devices are lost at regular times, so what each of them leaves is part of this slope and can't be told apart from it.
 */
export function growthPerHour(samples: readonly Held[]): number {
  const sums = { tt: 0, ty: 0 };
  for (const kind of new Set(samples.map((s) => s.kind))) {
    const own = samples.filter((s) => s.kind === kind);
    const mean = (of: (s: Held) => number): number => own.reduce((sum, s) => sum + of(s), 0) / own.length;
    const [meanT, meanY] = [mean((s) => s.seconds), mean((s) => s.mebibytes)];
    for (const s of own) {
      sums.tt += (s.seconds - meanT) ** 2;
      sums.ty += (s.seconds - meanT) * (s.mebibytes - meanY);
    }
  }
  if (sums.tt === 0) throw new Error(`growth needs two moments of one kind, got ${samples.length} samples`);
  return (3600 * sums.ty) / sums.tt;
}

/** What memory does: it begins at `first`, and grows with the time and with every device that is lost. */
export interface Growth {
  readonly first: number;
  readonly perHour: number;
  readonly perLoss: number;
}

/** By least squares over samples of (seconds, losses, memory). Without a loss all growth is the time's. */
export function growth(samples: readonly (readonly [number, number, number])[]): Growth {
  const n = samples.length;
  if (n < 3) throw new Error(`growth needs three samples, got ${n}`);
  const mean = (k: 0 | 1 | 2): number => samples.reduce((sum, s) => sum + s[k], 0) / n;
  const [meanT, meanL, meanY] = [mean(0), mean(1), mean(2)];
  const sums = { tt: 0, tl: 0, ll: 0, ty: 0, ly: 0 };
  for (const [seconds, losses, y] of samples) {
    const [t, l, d] = [seconds - meanT, losses - meanL, y - meanY];
    sums.tt += t * t;
    sums.tl += t * l;
    sums.ll += l * l;
    sums.ty += t * d;
    sums.ly += l * d;
  }
  const det = sums.tt * sums.ll - sums.tl ** 2;
  // Too much alike to tell apart: then it is the time.
  const alike = det <= 1e-3 * sums.tt * sums.ll;
  const perSecond = alike ? sums.ty / sums.tt : (sums.ty * sums.ll - sums.ly * sums.tl) / det;
  const perLoss = alike ? 0 : (sums.ly * sums.tt - sums.ty * sums.tl) / det;
  const [t, l] = samples[0]!;
  return { first: meanY + perSecond * (t - meanT) + perLoss * (l - meanL), perHour: 3600 * perSecond, perLoss };
}

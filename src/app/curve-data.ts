/** Points kept for the drawing; above, every second one goes. */
const MOST = 4000;

/** A loss curve of any length in bounded memory: when it is full, it keeps every second step from then on. */
export class Curve {
  steps: number[] = [];
  losses: number[] = [];
  private stride = 1;

  add(steps: readonly number[], losses: readonly number[]): void {
    steps.forEach((s, i) => {
      if ((s - 1) % this.stride !== 0) return;
      this.steps.push(s);
      this.losses.push(losses[i]!);
      if (this.steps.length >= MOST) this.thin();
    });
  }

  clear(): void {
    this.steps = [];
    this.losses = [];
    this.stride = 1;
  }

  private thin(): void {
    this.stride *= 2;
    const keep = (_: number, i: number): boolean => (this.steps[i]! - 1) % this.stride === 0;
    const losses = this.losses.filter(keep);
    this.steps = this.steps.filter((s) => (s - 1) % this.stride === 0);
    this.losses = losses;
  }
}

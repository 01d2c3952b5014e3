import type { LayerType, Wiring } from "./layer-type.ts";

export interface DropoutSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "dropout";
  /** Probability that a value becomes 0. */
  readonly p: number;
}

export const dropoutLayer: LayerType<DropoutSpec> = {
  type: "dropout",
  read(f) {
    f.only("p");
    return { p: f.number("p", 0.5, 0, 1) };
  },
  shape: (_layer, [x]) => x!,
  async forward({ g, lazy, name, training, cursor, seed, index }, { p }, [x]) {
    if (!training || p === 0) return x!;
    const { dropout } = await lazy();
    return g.one(dropout, [x!, cursor!], { p, seed, layer: index }, name);
  },
};

/** While training, sets each value to 0 with probability `p` and scales the rest by 1 / (1 - p). p is in [0, 1). */
export function dropout(p = 0.5): DropoutSpec {
  return { type: "dropout", p };
}

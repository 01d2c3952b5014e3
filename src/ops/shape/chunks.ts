import type { Binding, DeviceCaps, KernelPlan } from "../../graph/op.ts";
import { imageChunks, windowed } from "../conv/images.ts";
import { flatLaunch, input, output } from "../shared/dispatch-plan.ts";

/** Rows that an op works on one by one, and elements of each in the value that it reads and in the one that it makes. */
export interface Rows {
  readonly count: number;
  readonly x: number;
  readonly y: number;
}

/** Where a launch begins in what it binds, and how many rows it does. */
export interface Stretch {
  readonly rows: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Launches of a flat kernel from input `which` to output 0, each over as many rows as the device binds at once; `params`
 * gives a launch's parameters and elements. Throws ChainruleError "limit" where one row is too large.
 */
export function rowPlan(
  op: { readonly name: string },
  { count, x, y }: Rows,
  caps: DeviceCaps,
  code: string,
  params: (s: Stretch) => { readonly params: ArrayBuffer; readonly size: number },
  bindings: (x: (b: Binding) => Binding, y: (b: Binding) => Binding) => readonly Binding[] = (toX, toY) => [
    toX(input(0)),
    toY(output(0)),
  ],
): KernelPlan {
  return {
    launches: imageChunks(op, count, { x, y }, caps).map((chunk) => {
      const stretch = { rows: chunk.count, from: chunk.x.rest, to: chunk.y.rest };
      const { params: packed, size } = params(stretch);
      const bound = bindings(
        (b) => windowed(b, chunk.x, chunk),
        (b) => windowed(b, chunk.y, chunk),
      );
      return flatLaunch(code, packed, bound, size, caps);
    }),
  };
}

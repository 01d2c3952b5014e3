import type { Proof } from "../../graph/op.ts";
import { type TokenWindowsAttrs, windowCount } from "./token-windows.ts";

/** Windows of a text in which every token tells where it stands. */
function windowsCase(
  tokens: number,
  length: number,
  batch: number,
  [epoch, position]: readonly [number, number],
  seed = 3,
) {
  const windows = windowCount(tokens, length);
  return {
    name: `${batch} windows of ${length} from ${tokens} tokens, epoch ${epoch} from ${position}`,
    inputs: [
      { shape: [tokens], dtype: "i32" as const, fill: Array.from({ length: tokens }, (_, i) => i) },
      { shape: [batch], dtype: "u32" as const, fill: "classes" as const, below: windows },
      { shape: [4], dtype: "u32" as const, fill: [11, epoch, position, 0] },
    ],
    attrs: { length, windows, seed },
  };
}

/** It moves bits: nothing is rounded. */
export const tokenWindows: Proof<TokenWindowsAttrs> = {
  cases: [
    // Small ones: they fit into the kernel of whole steps with everything written out.
    windowsCase(9, 4, 1, [0, 0]),
    windowsCase(23, 5, 3, [2, 1]),
    // The text is one window: whatever is drawn, it begins at the front.
    windowsCase(5, 4, 3, [1, 0]),
    windowsCase(2, 1, 2, [0, 0]),
    // A batch over the end of an epoch has windows of two, and of three.
    windowsCase(100, 7, 20, [4, 9]),
    windowsCase(40, 8, 11, [7, 3], 4294967295),
    windowsCase(1000, 130, 40, [3, 5]),
  ],
};

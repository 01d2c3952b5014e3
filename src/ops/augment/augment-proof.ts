import type { Proof } from "../../graph/op.ts";
import type { AugmentAttrs } from "./augment.ts";

const nothing = { padding: 0, shift: 0, cutout: 0, flipsAcross: false, flipsDown: false, seed: 3 };

function augmentCase(shape: AugmentAttrs["shape"], given: Partial<AugmentAttrs>, batch = 13, n = 9) {
  const attrs = { ...nothing, ...given, shape };
  const done = Object.entries(given).map(([name, value]) => `${name} ${value}`);
  return {
    name: [`${batch} of ${shape.join("x")}`, ...done].join(", "),
    inputs: [
      { shape: [n, shape[0] * shape[1] * shape[2]], dtype: "f32" as const },
      { shape: [batch], dtype: "u32" as const, fill: "classes" as const, below: n },
      { shape: [4], dtype: "u32" as const, fill: [11, 3, 5, 0] },
    ],
    attrs,
  };
}

/** It moves bits: nothing is rounded. */
export const augment: Proof<AugmentAttrs> = {
  cases: [
    // Small ones: they fit into the kernel of whole steps with everything written out.
    augmentCase([1, 3, 4], { shift: 2, flipsAcross: true }, 1),
    augmentCase([2, 3, 2], { padding: 1, cutout: 2, flipsDown: true }, 1),
    augmentCase([1, 1, 1], { padding: 1, flipsAcross: true }, 2),
    augmentCase([1, 4, 5], {}),
    augmentCase([3, 5, 4], { shift: 2 }),
    augmentCase([2, 4, 6], { padding: 3 }),
    augmentCase([2, 5, 3], { flipsAcross: true }),
    augmentCase([1, 4, 3], { flipsDown: true }),
    augmentCase([3, 6, 5], { cutout: 3 }),
    augmentCase(
      [3, 9, 8],
      { padding: 2, shift: 1, cutout: 4, flipsAcross: true, flipsDown: true, seed: 4294967295 },
      40,
    ),
  ],
};

import type { Proof } from "../../graph/op.ts";
import { boundLike, gamma, TINY } from "../shared/rounding.ts";
import { type PadAttrs, type PartAttrs, pad as padOp, part as partOp, type ReflectGradientAttrs } from "./pad.ts";
import { gatheredSums, paddedAxes } from "./padding.ts";

const reflect = "reflect" as const;
const zeros = "zeros" as const;

export const pad: Proof<PadAttrs> = {
  // The errors lie where the values do; around them there are none.
  bound: (_inputs, [ex], [y], attrs) => (ex ? padOp.reference([ex], attrs) : [boundLike(y!)]),
  cases: (
    [
      [[1], [[0, 0]], zeros],
      [[5], [[2, 3]], zeros],
      [[3, 5], [[1, 0]], zeros],
      [
        [2, 3, 4, 5],
        [
          [1, 2],
          [3, 0],
        ],
        zeros,
      ],
      [
        [2, 3, 7],
        [
          [4, 1],
          [0, 0],
        ],
        zeros,
      ],
      [
        [2, 3, 2],
        [
          [0, 1],
          [1, 0],
          [2, 2],
        ],
        zeros,
      ],
      [
        [40, 33, 31],
        [
          [1, 1],
          [1, 1],
        ],
        zeros,
      ],
      [
        [1, 1, 1],
        [
          [1, 1],
          [2, 2],
        ],
        zeros,
      ],
      [
        [2, 3, 8],
        [
          [1, 0],
          [4, 8],
        ],
        zeros,
      ],
      [
        [2, 3, 5],
        [
          [1, 0],
          [2, 1],
        ],
        zeros,
      ],
      [
        [3, 5, 6],
        [
          [1, 1],
          [1, 1],
        ],
        reflect,
      ],
      [
        [2, 5, 8],
        [
          [2, 1],
          [0, 0],
        ],
        reflect,
      ],
      [[5], [[2, 3]], reflect],
      [[2, 3, 5], [[4, 4]], reflect],
      [
        [2, 3, 4, 5],
        [
          [1, 2],
          [3, 0],
        ],
        reflect,
      ],
      [
        [2, 3, 3],
        [
          [2, 1],
          [0, 0],
        ],
        reflect,
      ],
      [
        [40, 33, 31],
        [
          [1, 1],
          [1, 1],
        ],
        reflect,
      ],
      [
        [3, 4, 2],
        [
          [0, 0],
          [1, 1],
        ],
        reflect,
      ],
    ] as const
  ).map(([shape, amounts, mode]) => ({
    name: `${shape.join("x")} ${mode} ${amounts.map((a) => a.join("+")).join(", ")}`,
    inputs: [{ shape, dtype: "f32" }],
    attrs: { amounts, mode },
  })),
};

export const reflectGradient: Proof<ReflectGradientAttrs> = {
  bound([dy], [edy], [dx], { amounts }) {
    const axes = paddedAxes(dx!.shape, amounts);
    const sizes = gatheredSums(dy!, axes, dx!.shape, Math.abs);
    const carried = edy ? gatheredSums(edy, axes, dx!.shape) : null;
    const out = boundLike(dx!);
    const terms = 3 ** amounts.length;
    for (let i = 0; i < out.data.length; i++) {
      const e = carried?.[i] ?? 0;
      out.data[i] = e + gamma(terms) * (sizes[i]! + e) + terms * TINY;
    }
    return [out];
  },
  cases: (
    [
      [[10], [[2, 3]]],
      [[2, 3, 13], [[4, 4]]],
      [
        [2, 3, 7, 8],
        [
          [1, 2],
          [3, 0],
        ],
      ],
      [
        [2, 3, 6, 3],
        [
          [2, 1],
          [0, 0],
        ],
      ],
      [
        [2, 8, 12],
        [
          [2, 1],
          [0, 0],
        ],
      ],
      [
        [40, 35, 33],
        [
          [1, 1],
          [1, 1],
        ],
      ],
      [
        [3, 4, 4],
        [
          [0, 0],
          [1, 1],
        ],
      ],
      [
        [6, 5, 4],
        [
          [1, 2],
          [0, 1],
          [1, 0],
        ],
      ],
    ] as const
  ).map(([shape, amounts]) => ({
    name: `${shape.join("x")} ${amounts.map((a) => a.join("+")).join(", ")}`,
    inputs: [{ shape, dtype: "f32" }],
    attrs: { amounts },
  })),
};

export const part: Proof<PartAttrs> = {
  bound: (_inputs, [ex], [y], attrs) => (ex ? partOp.reference([ex], attrs) : [boundLike(y!)]),
  cases: (
    [
      [[1], [0], [1]],
      [[9], [3], [4]],
      [
        [3, 5],
        [1, 0],
        [2, 5],
      ],
      [
        [3, 5],
        [0, 4],
        [3, 1],
      ],
      [
        [2, 7, 4, 5],
        [0, 2, 0, 0],
        [2, 3, 4, 5],
      ],
      [
        [4, 7, 4, 5],
        [1, 2, 1, 3],
        [2, 3, 3, 2],
      ],
      [
        [3, 5, 9],
        [0, 1, 1],
        [3, 3, 8],
      ],
      [
        [40, 9, 33],
        [0, 1, 0],
        [40, 7, 33],
      ],
    ] as const
  ).map(([whole, from, shape]) => ({
    name: `${shape.join("x")} from ${from.join(" ")} of ${whole.join("x")}`,
    inputs: [{ shape: whole, dtype: "f32" }],
    attrs: { from, shape },
  })),
};

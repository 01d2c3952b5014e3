import type { NdArray } from "../../core/ndarray.ts";
import type { Proof } from "../../graph/op.ts";
import { boundLike, errorAt, movedErrors } from "./rounding.ts";
import type { PackAttrs, SliceAttrs } from "./views.ts";

export const slice: Proof<SliceAttrs> = {
  bound: (_inputs, [ex], [y], { offset }) => [movedErrors(y!, (i) => errorAt(ex, offset + i))],
  cases: [],
};

export const pack: Proof<PackAttrs> = {
  bound(inputs, errors, [y], { offsets }) {
    const out = boundLike(y!);
    inputs.forEach((x: NdArray, k) => {
      for (let i = 0; i < x.data.length; i++) out.data[offsets[k]! + i] = errorAt(errors[k], i);
    });
    return [out];
  },
  cases: [],
};

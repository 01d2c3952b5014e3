import type { Proof } from "../../graph/op.ts";
import { errorAt, movedErrors } from "../shared/rounding.ts";
import type { ReshapeAttrs } from "./reshape.ts";

export const reshape: Proof<ReshapeAttrs> = {
  bound: (_inputs, [ex], [y]) => [movedErrors(y!, (i) => errorAt(ex, i))],
  cases: [],
};

import type { Proof } from "../../graph/op.ts";
import type { AddActivationAttrs } from "./add-activation.ts";

const settings = [
  { activation: "relu", shape: [33, 9], alpha: 0 },
  { activation: "tanh", shape: [2, 3, 5], alpha: 0 },
  { activation: "leakyRelu", shape: [1], alpha: 0.2 },
] as const;

export const addActivation: Pick<Proof<AddActivationAttrs>, "cases"> = {
  cases: settings.map(({ activation, shape, alpha }) => ({
    name: `${activation} of ${shape.join("x")}`,
    inputs: [
      { shape, dtype: "f32" },
      { shape, dtype: "f32" },
    ],
    attrs: { activation, alpha },
  })),
};

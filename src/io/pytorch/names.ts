import type { Shape } from "../../core/ndarray.ts";
import { refuseCode } from "../../nn/layers/custom.ts";
import { layerTypeOf } from "../../nn/layers/registry.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import type { LossName } from "../../nn/loss-kinds.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import type { OptimizerName } from "../../ops/names.ts";

/** A layer as a module of PyTorch, which takes a row of shape `input`; null where it is an expression. */
export function torchLayer(l: LayerSpec, input: Shape = []): string | null {
  switch (l.type) {
    case "linear":
      if (l.lora) {
        const { rank, alpha, dropout } = l.lora;
        const bias = l.bias ? "True" : "False";
        return `AdaptedLinear(${l.in}, ${l.out}, ${bias}, rank=${rank}, scale=${alpha / rank}, dropout=${dropout})`;
      }
      return `nn.Linear(${l.in}, ${l.out}${l.bias ? "" : ", bias=False"})`;
    case "layerNorm":
      return `nn.LayerNorm(${typeof l.size === "number" ? l.size : `[${l.size.join(", ")}]`}, eps=${l.eps})`;
    case "dropout":
      return `nn.Dropout(${l.p})`;
    case "leakyRelu":
      return `nn.LeakyReLU(${l.slope})`;
    case "elu":
      return `nn.ELU(${l.alpha})`;
    case "custom":
      return refuseCode(l);
    default:
      return plainModules[l.type] ?? layerTypeOf(l.type)?.torch?.(l, input) ?? null;
  }
}

const plainModules: Readonly<Record<string, string>> = {
  relu: "nn.ReLU()",
  relu6: "nn.ReLU6()",
  selu: "nn.SELU()",
  sigmoid: "nn.Sigmoid()",
  tanh: "nn.Tanh()",
  softplus: "nn.Softplus()",
  gelu: "nn.GELU()",
  silu: "nn.SiLU()",
};

/** A loss as a module of PyTorch; as published stands the loss that was meant. */
export const torchLosses: Readonly<Record<LossName, string>> = {
  sumSquaredError: 'nn.MSELoss(reduction="sum")',
  sumSquaredErrorAsPublished: 'nn.MSELoss(reduction="sum")',
  mse: "nn.MSELoss()",
  huber: "nn.HuberLoss()",
  crossEntropy: "nn.CrossEntropyLoss()",
  bce: "nn.BCEWithLogitsLoss()",
};

/** A model's loss as a module of PyTorch, class weights and label smoothing included. */
export function torchLossOf({ loss, classWeights, labelSmoothing = 0, ignoreIndex }: ModelSpec): string {
  const settings = [
    ...(classWeights ? [`weight=torch.tensor([${classWeights.map(Number).join(", ")}], dtype=torch.float32)`] : []),
    ...(labelSmoothing > 0 ? [`label_smoothing=${labelSmoothing}`] : []),
    ...(ignoreIndex === undefined ? [] : [`ignore_index=${ignoreIndex}`]),
  ];
  return settings.length > 0 ? torchLosses[loss].replace("()", `(${settings.join(", ")})`) : torchLosses[loss];
}

/** Optimizers of torch.optim. */
export const torchOptimizers: Readonly<Record<OptimizerName, string>> = {
  sgd: "SGD",
  adam: "Adam",
  adamw: "AdamW",
  rmsprop: "RMSprop",
  adagrad: "Adagrad",
};

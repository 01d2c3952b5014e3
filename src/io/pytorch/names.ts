import { refuseCode } from "../../nn/layers/custom.ts";
import type { DenseLayerSpec } from "../../nn/layers/spec.ts";
import type { LossName } from "../../nn/loss-kinds.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import type { OptimizerName } from "../../ops/names.ts";

/** A layer as a module of PyTorch. */
export function torchLayer(l: DenseLayerSpec): string {
  switch (l.type) {
    case "linear":
      return `nn.Linear(${l.in}, ${l.out}${l.bias ? "" : ", bias=False"})`;
    case "layerNorm":
      return `nn.LayerNorm(${l.size}, eps=${l.eps})`;
    case "dropout":
      return `nn.Dropout(${l.p})`;
    case "softmax":
      return "nn.Softmax(dim=1)";
    case "leakyRelu":
      return `nn.LeakyReLU(${l.slope})`;
    case "elu":
      return `nn.ELU(${l.alpha})`;
    case "custom":
      return refuseCode(l);
    default:
      return {
        relu: "nn.ReLU()",
        relu6: "nn.ReLU6()",
        selu: "nn.SELU()",
        sigmoid: "nn.Sigmoid()",
        tanh: "nn.Tanh()",
        softplus: "nn.Softplus()",
        gelu: "nn.GELU()",
        silu: "nn.SiLU()",
      }[l.type];
  }
}

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
export function torchLossOf({ loss, classWeights, labelSmoothing = 0 }: ModelSpec): string {
  const settings = [
    ...(classWeights ? [`weight=torch.tensor([${classWeights.map(Number).join(", ")}], dtype=torch.float32)`] : []),
    ...(labelSmoothing > 0 ? [`label_smoothing=${labelSmoothing}`] : []),
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

import type { ModelSpec } from "../../nn/model-spec.ts";
import { denseLayers } from "../dense-layers.ts";
import { torchLayer, torchLossOf } from "./names.ts";

/** model.py: the net and its loss. */
export function modelPy(model: ModelSpec): string {
  const published = model.loss === "sumSquaredErrorAsPublished";
  const loss = published
    ? `def loss_of(p, y):
    """The sum of (p - y)^2, but with the gradient 2 p that the tutorial's code printed: wrong, and kept on purpose."""
    squares = (p**2).sum()
    return squares + (((p - y) ** 2).sum() - squares).detach()
`
    : `loss_of = ${torchLossOf(model)}
`;
  return `"""The net. Its parameters have the names of model.safetensors: build().load_state_dict(...) takes them."""

${model.classWeights ? "import torch\n" : ""}from torch import nn


def build():
    return nn.Sequential(
${denseLayers(model, "PyTorch")
  .map((layer) => `        ${torchLayer(layer)},`)
  .join("\n")}
    )


${loss}`;
}

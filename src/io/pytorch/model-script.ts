import { sizeOf } from "../../core/ndarray.ts";
import { adaptedLinearClass, adapterClass } from "../../nn/layers/lora-torch.ts";
import { layerTypeOf } from "../../nn/layers/registry.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { calledName } from "../../nn/model-spec.ts";
import { classLayout, shapesOf } from "../../nn/shapes.ts";
import { adaptersOf } from "../adapters.ts";
import { torchLayer, torchLossOf } from "./names.ts";

/** What drops values inside a layer: the name of its module, and the layer whose masks it has. */
const dropsWithin = (layer: LayerSpec, i: number): readonly (readonly [number, string])[] => {
  const name = calledName(layer, i);
  if (layer.type === "dropout") return [[i, name]];
  const own = layer.type === "attention" && layer.dropout > 0 ? [[i, `${name}.drop`] as const] : [];
  const adapters = adaptersOf(layer, i).filter(({ spec }) => spec.dropout > 0);
  return [...own, ...adapters.map((a) => [a.mask, `${name}${a.target && `.${a.target}`}.drop`] as const)];
};

/**
 * Whether a model is an nn.Sequential: layers one after the other, called by their places, each a module, and none that takes
 * more than the value before it, as `lengths` says.
 */
export function isSequential(model: ModelSpec, lengths = false): boolean {
  const { shapes } = shapesOf(model);
  return (
    !lengths &&
    shapes.at(-1)!.length === 1 &&
    !model.layers.some((layer, i) => layer.type !== "dropout" && dropsWithin(layer, i).length > 0) &&
    model.layers.every(
      (layer, i) =>
        layer.from === undefined &&
        calledName(layer, i) === `${i}` &&
        moduleOf(model, i) !== null &&
        layerTypeOf(layer.type)?.torchPart === undefined,
    )
  );
}

/** Whether every step of a row has a class, and classes lie behind steps. */
export const stepsOf = (model: ModelSpec): boolean => placesOf(model) && classLayout(model).last;

/** Whether places of a row have classes: then the loss wants them in their shape, and else rows. */
const placesOf = (model: ModelSpec): boolean => model.loss === "crossEntropy" && sizeOf(classLayout(model).places) > 1;

/** The classes that a layer's module is of, where PyTorch has none, and functions that are called beside it. */
function classesOf(layer: LayerSpec, lengths: boolean): readonly string[] {
  if (layer.type === "linear") return layer.lora ? [adapterClass, adaptedLinearClass] : [];
  const type = layerTypeOf(layer.type);
  const helper = lengths && type?.torchLengths ? [type.torchLengths.helper] : [];
  return [...[type?.torchClass?.(layer) ?? []].flat(), ...helper];
}

/** model.py: the net and its loss. With `lengths` the net takes how many steps of each row count, int64 [batch], beside x. */
export function modelPy(model: ModelSpec, lengths = false): string {
  const published = model.loss === "sumSquaredErrorAsPublished";
  const loss = published
    ? `def loss_of(p, y):
    """The sum of (p - y)^2, but with the gradient 2 p that the tutorial's code printed: wrong, and kept on purpose."""
    squares = (p**2).sum()
    return squares + (((p - y) ** 2).sum() - squares).detach()
`
    : stepsOf(model)
      ? `class StepLoss(nn.CrossEntropyLoss):
    """Outputs are [rows, steps, classes]; PyTorch has classes second."""

    def forward(self, p, y):
        return super().forward(p.transpose(1, 2), y)


loss_of = ${torchLossOf(model).replace(/^nn\.CrossEntropyLoss/, "StepLoss")}
`
      : `loss_of = ${torchLossOf(model)}
`;
  const own = new Set(model.layers.flatMap((layer) => classesOf(layer, lengths)));
  const whole = isSequential(model, lengths) ? sequentialNet(model) : graphNet(model, lengths);
  const net = [...own, whole].join("\n\n");
  const uses = (name: string): boolean => net.includes(`${name}.`);
  const head = [
    model.classWeights || uses("torch") ? "import torch\n" : "",
    uses("F") ? "import torch.nn.functional as F\n" : "",
  ].join("");
  return `"""The net. Its parameters have the names of model.safetensors: build().load_state_dict(...) takes them."""

${head}from torch import nn


${net}

${loss}`;
}

/** The module of layer i; null where PyTorch has an expression in its place. */
function moduleOf(model: ModelSpec, i: number): string | null {
  const { input, shapes, sources } = shapesOf(model);
  const source = sources[i]![0]!;
  return torchLayer(model.layers[i]!, source < 0 ? input : shapes[source]!);
}

function sequentialNet(model: ModelSpec): string {
  return `def build():
    return nn.Sequential(
${model.layers.map((_, i) => `        ${moduleOf(model, i)},`).join("\n")}
    )
`;
}

/** A module whose state_dict has the model's names, and whose forward says what each layer reads. */
function graphNet(model: ModelSpec, lengths: boolean): string {
  const { sources, shapes } = shapesOf(model);
  const names = model.layers.map(calledName);
  const value = (source: number): string => (source < 0 ? "x" : `v["${names[source]}"]`);
  const modules = model.layers.flatMap((_, i) => {
    const module = moduleOf(model, i);
    return module === null ? [] : [`            "${names[i]}": ${module},`];
  });
  const lines = model.layers.map((layer, i) => {
    const given = sources[i]!.map(value);
    const type = layerTypeOf(layer.type);
    const module = `self.at("${names[i]}")`;
    const counted = lengths && type?.lengths?.(layer);
    const call = counted
      ? (type?.torchLengths?.call(layer, module, given) ?? `${module}(${given.join(", ")}, lengths)`)
      : type?.torchCall?.(layer, given, (name) => model.layers[names.indexOf(name)]!.type);
    return `        v["${names[i]}"] = ${call ?? `${module}(${given.join(", ")})${type?.torchPart ?? ""}`}`;
  });
  const last = `v["${names.at(-1)}"]`;
  return `class Net(nn.Module):
    def __init__(self):
        super().__init__()
        modules = {
${modules.join("\n")}
        }
        for name, module in modules.items():
            self.put(name, module)

    def put(self, name, module):
        *path, last = name.split(".")
        inside = self
        for part in path:
            if part not in inside._modules:
                inside.add_module(part, nn.Module())
            inside = inside._modules[part]
        inside.add_module(last, module)

    def at(self, name):
        return self.get_submodule(name)

    def forward(self, x${lengths ? ", lengths" : ""}):
        v = {}
${lines.join("\n")}
        return ${shapes.at(-1)!.length > 1 && !placesOf(model) ? `${last}.flatten(1)` : last}


def build():
    return Net()
`;
}

/** Names and places of the modules that drop values, of a net that is no nn.Sequential. */
export const dropoutNames = (model: ModelSpec): readonly (readonly [number, string])[] =>
  model.layers.flatMap((layer, i) => dropsWithin(layer, i));

/** Lines of train.py that put dropout with Chainrule's masks in the place of PyTorch's. */
export function dropoutLines(model: ModelSpec, lengths: boolean): string {
  return isSequential(model, lengths)
    ? `    drops = {i: SeededDropout(layer.p, SEED, i) for i, layer in enumerate(net) if isinstance(layer, torch.nn.Dropout)}
    for i, layer in drops.items():
        net[i] = layer
`
    : `    drops = {name: SeededDropout(net.at(name).p, SEED, i) for i, name in DROPS}
    for name, layer in drops.items():
        net.put(name, layer)
`;
}

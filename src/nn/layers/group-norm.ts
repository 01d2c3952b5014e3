import { ndarray } from "../../core/ndarray.ts";
import { register } from "./known.ts";
import type { ForwardContext, LayerType, Wiring } from "./layer-type.ts";
import type { OnnxContext, OnnxStep } from "./onnx-step.ts";

/** Each group of channels of a row to mean 0 and variance 1: torch.nn.GroupNorm. */
export interface GroupNormSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "groupNorm";
  /** Groups of channels that do not see each other. */
  readonly groups: number;
  /** Channels. */
  readonly size: number;
  /** Added to the variance before the root. */
  readonly eps: number;
  /** Whether channels are then scaled and shifted by parameters. */
  readonly affine: boolean;
}

/** Each channel of a row to mean 0 and variance 1: torch.nn.InstanceNorm1d and 2d. */
export interface InstanceNormSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "instanceNorm";
  /** Width, or channels. */
  readonly size: number;
  /** Added to the variance before the root. */
  readonly eps: number;
  /** Whether channels are then scaled and shifted by parameters. */
  readonly affine: boolean;
}

type Spec = GroupNormSpec | InstanceNormSpec;
const groupsOf = (layer: Spec): number => (layer.type === "groupNorm" ? layer.groups : layer.size);

const shared = {
  shape(layer: Spec, [x]: readonly (readonly number[])[], misfit: (wanted: string) => never) {
    if (x![0] !== layer.size) misfit(`${layer.size} channels on the first axis`);
    const values = x!.reduce((a, b) => a * b, 1) / groupsOf(layer);
    if (values === 1) misfit("two values a group or more: one alone has no variance");
    return x!;
  },
  parameters: ({ affine, size }: Spec) =>
    affine
      ? ([
          { key: "weight", shape: [size], role: "scale" },
          { key: "bias", shape: [size], role: "shift" },
        ] as const)
      : [],
  // Opset 17 has no group norm: groups as channels of an instance norm, then scale and shift by channel.
  onnx(layer: Spec, c: OnnxContext): readonly OnnxStep[] {
    const groups = groupsOf(layer);
    const constant = (key: string, value: number): string => c.floats(key, [groups], () => value);
    const beside = c.wholes("per_channel", [layer.size, ...c.input.slice(1).map(() => 1)]);
    const rows = c.wholes("groups", [0, groups, -1]);
    const back = c.wholes("channels", [0, ...c.input]);
    const affine: readonly OnnxStep[] = [
      { op: "Reshape", inputs: [c.weight("weight"), beside], output: c.between("scale") },
      { op: "Reshape", inputs: [c.weight("bias"), beside], output: c.between("shift") },
      { op: "Mul", inputs: [c.between("normal"), c.between("scale")], output: c.between("scaled") },
      { op: "Add", inputs: [c.between("scaled"), c.between("shift")], output: c.output },
    ];
    return [
      { op: "Reshape", inputs: [c.inputs[0]!, rows], output: c.between("grouped") },
      {
        op: "InstanceNormalization",
        inputs: [c.between("grouped"), constant("ones", 1), constant("zeros", 0)],
        output: c.between("normalised"),
        floats: { epsilon: layer.eps },
      },
      {
        op: "Reshape",
        inputs: [c.between("normalised"), back],
        output: layer.affine ? c.between("normal") : c.output,
      },
      ...(layer.affine ? affine : []),
    ];
  },
  // An instance norm is a group norm of groups of one channel, for values of any rank.
  torch: (layer: Spec) =>
    `nn.GroupNorm(${groupsOf(layer)}, ${layer.size}, eps=${layer.eps}${layer.affine ? "" : ", affine=False"})`,
  async forward(
    { g, name, parameter, layerOps }: ForwardContext,
    layer: Spec,
    [x]: Parameters<LayerType<Spec>["forward"]>[2],
  ) {
    const { groupNorm } = await layerOps();
    const constant = (value: number, what: string) =>
      g.variable(`${name} ${what}`, ndarray([layer.size], "f32", new Float32Array(layer.size).fill(value)));
    const scale = layer.affine
      ? [parameter("weight"), parameter("bias")]
      : [constant(1, "without scale"), constant(0, "without shift")];
    return g.one(groupNorm, [x!, ...scale], { groups: groupsOf(layer), eps: layer.eps }, name);
  },
};

export const groupNormLayer: LayerType<GroupNormSpec> = {
  type: "groupNorm",
  read(f) {
    f.only("groups", "size", "eps", "affine");
    const [groups, size] = [f.whole("groups"), f.whole("size")];
    if (size % groups !== 0) f.bad(`"groups" must divide "size", and ${groups} does not divide ${size}`);
    return { groups, size, eps: f.number("eps", 1e-5, 1e-12, 1), affine: f.flag("affine", true) };
  },
  fill: (layer, input) => ({ size: input[0]!, ...layer }),
  open: "groupNorm(groups, { size })",
  ...shared,
};

export const instanceNormLayer: LayerType<InstanceNormSpec> = {
  type: "instanceNorm",
  read(f) {
    f.only("size", "eps", "affine");
    return { size: f.whole("size"), eps: f.number("eps", 1e-5, 1e-12, 1), affine: f.flag("affine", false) };
  },
  fill: (layer, input) => ({ size: input[0]!, ...layer }),
  open: "instanceNorm({ size })",
  ...shared,
};

/** How group and instance norm are made. */
export interface GroupNormOptions extends Wiring {
  /** Default 1e-5. */
  readonly eps?: number;
  /** Whether channels are scaled and shifted by parameters: by default true for groupNorm, false for instanceNorm. */
  readonly affine?: boolean;
}

/** Normalises each of `groups` groups of a row's channels, over all its places. */
export function groupNorm(groups: number, options: GroupNormOptions = {}): Omit<GroupNormSpec, "size"> {
  register(groupNormLayer);
  return { type: "groupNorm", groups, eps: 1e-5, affine: true, ...options };
}

/** Normalises each channel of a row over its places. */
export function instanceNorm(options: GroupNormOptions = {}): Omit<InstanceNormSpec, "size"> {
  register(instanceNormLayer);
  return { type: "instanceNorm", eps: 1e-5, affine: false, ...options };
}

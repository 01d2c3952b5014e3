import type { Shape } from "../../core/ndarray.ts";
import { register } from "./known.ts";
import type { LayerType, Wiring } from "./layer-type.ts";
import { countedSum } from "./lengths-onnx.ts";
import type { OnnxContext, OnnxStep } from "./onnx-step.ts";

/** The last step of a sequence that counts: x[:, -1] in PyTorch. */
export interface LastStepSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "lastStep";
}

/** The mean of a sequence's steps that count: x.mean(1) in PyTorch. */
export interface MeanStepsSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "meanSteps";
}

/** Values of a step, out of [steps, ...values]. */
function oneStep(x: Shape, misfit: (wanted: string) => never): Shape {
  if (x.length !== 2) misfit("[steps, values]");
  return [x[1]!];
}

/** In ONNX, where all steps count. */
const lastOnnx = (c: OnnxContext): readonly OnnxStep[] => [
  { op: "Gather", inputs: [c.inputs[0]!, c.wholes("last", [-1])], output: c.between("one"), integers: { axis: 1 } },
  { op: "Reshape", inputs: [c.between("one"), c.wholes("shape", [0, c.shape[0]!])], output: c.output },
];

/** In ONNX, of those that count: their sum over their number, which is 1 at least. */
const meanOnnx = (c: OnnxContext, lengths: string): readonly OnnxStep[] => [
  ...countedSum(c, lengths, "all", c.between("sum")),
  { op: "Max", inputs: [c.between("rows"), c.floats("one", [], () => 1)], output: c.between("count") },
  { op: "Div", inputs: [c.between("sum"), c.between("count")], output: c.output },
];

export const lastStepLayer: LayerType<LastStepSpec> = {
  type: "lastStep",
  read(f) {
    f.only();
    return {};
  },
  shape: (_layer, [x], misfit) => oneStep(x!, misfit),
  torchCall: (_layer, [x]) => `${x}[:, -1]`,
  lengths: () => true,
  torchLengths: {
    call: (_layer, _module, [x]) => `last_step(${x}, lengths)`,
    helper: `def last_step(x, lengths):
    """Each row's last step that counts; 0 where none does."""
    rows = torch.arange(len(x), device=x.device)
    return x[rows, (lengths - 1).clamp(min=0)] * (lengths > 0)[:, None]
`,
  },
  onnx: (_layer, c) => (c.lengths === null ? lastOnnx(c) : countedSum(c, c.lengths, "last", c.output)),
  async forward({ g, name, lengths, layerOps }, _layer, [x]) {
    const { lastStep } = await layerOps();
    return g.one(lastStep, lengths ? [x!, lengths] : [x!], null, name);
  },
};

export const meanStepsLayer: LayerType<MeanStepsSpec> = {
  type: "meanSteps",
  read(f) {
    f.only();
    return {};
  },
  shape: (_layer, [x], misfit) => oneStep(x!, misfit),
  torchCall: (_layer, [x]) => `${x}.mean(1)`,
  lengths: () => true,
  torchLengths: {
    call: (_layer, _module, [x]) => `mean_steps(${x}, lengths)`,
    helper: `def mean_steps(x, lengths):
    """The mean of each row's steps that count; 0 where none does."""
    counts = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
    return (x * counts[:, :, None]).sum(1) / lengths.clamp(min=1)[:, None]
`,
  },
  onnx: (_layer, c) =>
    c.lengths === null
      ? [{ op: "ReduceMean", inputs: c.inputs, output: c.output, lists: { axes: [1] }, integers: { keepdims: 0 } }]
      : meanOnnx(c, c.lengths),
  async forward({ g, name, lengths, layerOps }, _layer, [x]) {
    const { meanSteps } = await layerOps();
    return g.one(meanSteps, lengths ? [x!, lengths] : [x!], null, name);
  },
};

/** Each sequence's last step: from [batch, steps, values] to [batch, values]. Where rows have lengths, the last that counts. */
export function lastStep(): LastStepSpec {
  register(lastStepLayer);
  return { type: "lastStep" };
}

/** The mean of each sequence's steps: from [batch, steps, values] to [batch, values]. Where rows have lengths, of those that count. */
export function meanSteps(): MeanStepsSpec {
  register(meanStepsLayer);
  return { type: "meanSteps" };
}

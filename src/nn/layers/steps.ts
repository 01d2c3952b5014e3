import type { Shape } from "../../core/ndarray.ts";
import { register } from "./known.ts";
import type { LayerType, Wiring } from "./layer-type.ts";

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

export const lastStepLayer: LayerType<LastStepSpec> = {
  type: "lastStep",
  read(f) {
    f.only();
    return {};
  },
  shape: (_layer, [x], misfit) => oneStep(x!, misfit),
  torchCall: (_layer, [x]) => `${x}[:, -1]`,
  onnx: (_layer, c) => [
    { op: "Gather", inputs: [c.inputs[0]!, c.wholes("last", [-1])], output: c.between("one"), integers: { axis: 1 } },
    { op: "Reshape", inputs: [c.between("one"), c.wholes("shape", [0, c.shape[0]!])], output: c.output },
  ],
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
  onnx: (_layer, { inputs, output }) => [
    { op: "ReduceMean", inputs, output, lists: { axes: [1] }, integers: { keepdims: 0 } },
  ],
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

import type { OnnxContext, OnnxStep } from "./onnx-step.ts";
import type { RecurrentPass, RecurrentSpec } from "./recurrent-passes.ts";

/** For each gate of ONNX which of PyTorch's it is: i o f c of i f g o, z r h of r z n. */
const ORDER = { lstm: [0, 3, 1, 2], gru: [1, 0, 2], rnn: [0] } as const;

/** Which rows of [directions, gates, out] stand where, with the gates of each direction in ONNX's order. */
function rowsOf(type: RecurrentSpec["type"], out: number, directions: number): readonly number[] {
  const order = ORDER[type];
  return Array.from({ length: directions }, (_, d) =>
    order.flatMap((gate) => Array.from({ length: out }, (_, j) => (d * order.length + gate) * out + j)),
  ).flat();
}

/**
 * LSTM, GRU or RNN, steps first as opset 17 has them everywhere; one op a layer, both directions in it. Weights keep
 * PyTorch's order in the file and are put into ONNX's by a Gather, which runtimes work out when they load it.
 */
export function recurrentOnnx(
  layer: RecurrentSpec,
  passes: readonly RecurrentPass[],
  c: OnnxContext,
): readonly OnnxStep[] {
  const { type, out } = layer;
  const directions = layer.bidirectional ? 2 : 1;
  const gates = ORDER[type].length;
  const steps: OnnxStep[] = [];
  const add = (op: string, inputs: readonly string[], key: string, more: Partial<OnnxStep> = {}): string => {
    const output = key === "" ? c.output : c.between(key);
    steps.push({ op, inputs, output, ...more });
    return output;
  };
  const shape = (key: string, values: readonly number[]): string => c.wholes(`shape_${key}`, values);
  // Whole numbers of 32 bits there.
  const lengths = c.lengths === null ? [] : [add("Cast", [c.lengths], "lengths", { integers: { to: 6 } })];
  let value = add("Transpose", [c.inputs[0]!], "by_steps", { lists: { perm: [1, 0, 2] } });
  for (let k = 0; k < layer.layers; k++) {
    const own = passes.filter((pass) => pass.layer === k);
    const rows = c.wholes(`rows_l${k}`, rowsOf(type, out, directions));
    /** A parameter of both directions, gates in ONNX's order. */
    const ordered = (what: string, behind: readonly number[]): string => {
      const all = own.map((pass) => c.weight(`${what}_${pass.suffix}`));
      const key = `${what}_l${k}`;
      const joined = all.length === 1 ? all[0]! : add("Concat", all, `${key}_both`, { integers: { axis: 0 } });
      const moved = add("Gather", [joined, rows], `${key}_ordered`, { integers: { axis: 0 } });
      return add("Reshape", [moved, shape(key, [directions, gates * out, ...behind])], key);
    };
    const weights = [ordered("weight_ih", [own[0]!.in]), ordered("weight_hh", [out])];
    const biases = layer.bias
      ? [add("Concat", [ordered("bias_ih", []), ordered("bias_hh", [])], `bias_l${k}`, { integers: { axis: 1 } })]
      : lengths.map(() => "");
    const activations = layer.type === "rnn" && layer.nonlinearity === "relu" ? own.map(() => "Relu") : null;
    const made = add(
      { lstm: "LSTM", gru: "GRU", rnn: "RNN" }[type],
      [value, ...weights, ...biases, ...lengths],
      `steps_l${k}`,
      {
        integers: { hidden_size: out, ...(type === "gru" ? { linear_before_reset: 1 } : {}) },
        texts: { direction: layer.bidirectional ? "bidirectional" : "forward" },
        ...(activations ? { textLists: { activations } } : {}),
      },
    );
    // [steps, directions, batch, out]
    const last = k === layer.layers - 1;
    const perm = last ? [2, 0, 1, 3] : [0, 2, 1, 3];
    const turned = add("Transpose", [made], `turned_l${k}`, { lists: { perm } });
    value = add("Reshape", [turned, shape(`l${k}`, [0, 0, directions * out])], last ? "" : `side_by_side_l${k}`);
  }
  return steps;
}

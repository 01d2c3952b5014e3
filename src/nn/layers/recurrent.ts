import { zeros } from "../../core/ndarray.ts";
import type { Tensor } from "../../graph/graph.ts";
import { register } from "./known.ts";
import type { ForwardContext, LayerParameter, LayerType, Wiring } from "./layer-type.ts";
import { python } from "./python.ts";
import { recurrentOnnx } from "./recurrent-onnx.ts";
import {
  GATES,
  type GruSpec,
  type LstmSpec,
  passesOf,
  type RecurrentPass,
  type RecurrentSpec,
  type RnnSpec,
} from "./recurrent-passes.ts";

function parametersOf(spec: RecurrentSpec): readonly LayerParameter[] {
  const width = GATES[spec.type] * spec.out;
  // As PyTorch begins: all of them, biases too, within one over the root of the units.
  const within = 1 / Math.sqrt(spec.out);
  return passesOf(spec).flatMap((pass): LayerParameter[] => [
    { key: `weight_ih_${pass.suffix}`, shape: [width, pass.in], role: "weight", within },
    { key: `weight_hh_${pass.suffix}`, shape: [width, spec.out], role: "weight", within },
    ...(spec.bias
      ? (["ih", "hh"] as const).map(
          (side): LayerParameter => ({ key: `bias_${side}_${pass.suffix}`, shape: [width], role: "bias", within }),
        )
      : []),
  ]);
}

/** The nodes of one pass: the input's product for all steps at once, then the recurrence. */
async function passNodes(
  c: ForwardContext,
  spec: RecurrentSpec,
  pass: RecurrentPass,
  x: Tensor,
  called: string,
): Promise<Tensor> {
  const { g, parameter, lengths } = c;
  const ops = await c.layerOps();
  const op = spec.type === "rnn" && spec.nonlinearity === "relu" ? ops.rnnRelu : ops[spec.type];
  const [batch, steps] = x.shape as readonly [number, number];
  const width = GATES[spec.type] * spec.out;
  const rows = g.one(ops.reshape, [x], { shape: [batch * steps, pass.in] }, `rows of ${x.name}`);
  const weight = parameter(`weight_ih_${pass.suffix}`);
  const product = g.one(ops.transposeMatmul, [rows, weight], { transpose: "b" }, `${called}, input`);
  const sums = g.one(ops.reshape, [product], { shape: [batch, steps, width] }, `${called}, input by steps`);
  const none = spec.bias ? null : g.variable(`${called} without bias`, zeros([width], "f32"));
  const biases = ["ih", "hh"].map((side) => none ?? parameter(`bias_${side}_${pass.suffix}`));
  const inputs = [sums, parameter(`weight_hh_${pass.suffix}`), ...biases, ...(lengths ? [lengths] : [])];
  return g.add(op, inputs, { reverse: pass.reverse }, called)[0]!;
}

/** Of a row without steps PyTorch wants one all the same: what it makes of it is taken away again. */
const packedTorch = `def packed(module, x, lengths):
    """Steps behind a row's length take no part, and give 0."""
    rows = nn.utils.rnn.pack_padded_sequence(x, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False)
    y, _ = nn.utils.rnn.pad_packed_sequence(module(rows)[0], batch_first=True, total_length=x.shape[1])
    return y * (lengths > 0)[:, None, None]
`;

function recurrentLayer<S extends RecurrentSpec>(type: S["type"]): LayerType<S> {
  return {
    type,
    read(f) {
      f.only("in", "out", "layers", "bidirectional", "bias", ...(type === "rnn" ? ["nonlinearity"] : []));
      const fields = {
        in: f.whole("in"),
        out: f.whole("out"),
        layers: f.whole("layers", 1),
        bidirectional: f.flag("bidirectional", false),
        bias: f.flag("bias", true),
      };
      if (type !== "rnn") return fields as unknown as Omit<S, "type">;
      return { ...fields, nonlinearity: f.value("nonlinearity", ["tanh", "relu"]) ?? "tanh" } as unknown as Omit<
        S,
        "type"
      >;
    },
    fill: (layer, input) => ({ in: input.at(-1)!, ...layer }),
    start: () => ({ out: 16 }) as Partial<S>,
    shape(layer, [x], misfit) {
      if (x!.length !== 2 || x![1] !== layer.in) misfit(`[steps, ${layer.in}]`);
      return [x![0]!, layer.out * (layer.bidirectional ? 2 : 1)];
    },
    parameters: parametersOf,
    lengths: () => true,
    torchLengths: {
      call: (_layer, module, [x]) => `packed(${module}, ${x}, lengths)`,
      helper: packedTorch,
    },
    onnx: (layer, c) => recurrentOnnx(layer, passesOf(layer), c),
    torch(layer) {
      const name = { lstm: "LSTM", gru: "GRU", rnn: "RNN" }[type];
      const options = [
        layer.layers === 1 ? "" : `, num_layers=${layer.layers}`,
        layer.type === "rnn" && layer.nonlinearity === "relu" ? ', nonlinearity="relu"' : "",
        layer.bias ? "" : `, bias=${python(false)}`,
        layer.bidirectional ? `, bidirectional=${python(true)}` : "",
      ].join("");
      return `nn.${name}(${layer.in}, ${layer.out}${options}, batch_first=True)`;
    },
    torchPart: "[0]",
    async forward(c, layer, [x]) {
      const { concat } = await c.layerOps();
      let value = x!;
      for (let k = 0; k < layer.layers; k++) {
        const called = k === layer.layers - 1 ? c.name : `${c.name}, layer ${k}`;
        const made: Tensor[] = [];
        for (const pass of passesOf(layer).filter((p) => p.layer === k)) {
          made.push(await passNodes(c, layer, pass, value, layer.bidirectional ? `${c.name} ${pass.suffix}` : called));
        }
        value = made.length === 1 ? made[0]! : c.g.one(concat, made, { axis: 2 }, called);
      }
      return value;
    },
  };
}

export const lstmLayer = recurrentLayer<LstmSpec>("lstm");
export const gruLayer = recurrentLayer<GruSpec>("gru");
export const rnnLayer = recurrentLayer<RnnSpec>("rnn");

/** How a recurrence is made. */
export interface RecurrentOptions extends Wiring {
  /** How many lie one behind the other; 1 by default. */
  readonly layers?: number;
  /** Default false. */
  readonly bidirectional?: boolean;
  /** Default true. */
  readonly bias?: boolean;
}

export interface RnnOptions extends RecurrentOptions {
  /** Default "tanh". */
  readonly nonlinearity?: "tanh" | "relu";
}

const defaults = { layers: 1, bidirectional: false, bias: true };

/**
 * Long short-term memory: from sequences x [batch, steps, in] to every step's output [batch, steps, out], or 2 out values
 * where it is bidirectional. Its state begins at 0; where rows have lengths, steps behind a row's last give 0.
 */
export function lstm(out: number, options: RecurrentOptions = {}): Omit<LstmSpec, "in"> {
  register(lstmLayer);
  return { type: "lstm", out, ...defaults, ...options };
}

/** Gated recurrent units: as lstm(), with three gates and no cell. */
export function gru(out: number, options: RecurrentOptions = {}): Omit<GruSpec, "in"> {
  register(gruLayer);
  return { type: "gru", out, ...defaults, ...options };
}

/** A plain recurrence: as lstm(), with one sum a unit, through tanh or relu. */
export function rnn(out: number, options: RnnOptions = {}): Omit<RnnSpec, "in"> {
  register(rnnLayer);
  return { type: "rnn", out, ...defaults, nonlinearity: "tanh", ...options };
}

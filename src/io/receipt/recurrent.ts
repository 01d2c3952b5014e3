import { passesOf, type RecurrentPass, type RecurrentSpec } from "../../nn/layers/recurrent-passes.ts";
import type { LastStepSpec, MeanStepsSpec } from "../../nn/layers/steps.ts";
import { back, type Line, type NumpyLayer, type Place } from "./place.ts";

/** Name of a layer's parameter: "weight_hh_l0_3" in the fourth layer of a net. */
export const recurrentName = (key: string, layer: number): string => `${key}_${layer}`;

/** The recurrence as the functions of helpers.ts call it. */
const kindOf = (layer: RecurrentSpec): string =>
  layer.type === "rnn" && layer.nonlinearity === "relu" ? "relu" : layer.type;
const python = (on: boolean): string => (on ? "True" : "False");

/** The passes of each of its layers, with the values that they read and that they give. */
function levels(layer: RecurrentSpec, { i, a, h }: Place) {
  const value = (k: number): string => (k === layer.layers ? a : k === 0 ? h[0]! : `h${i}_l${k - 1}`);
  return Array.from({ length: layer.layers }, (_, k) => ({
    passes: passesOf(layer).filter((pass) => pass.layer === k),
    reads: value(k),
    gives: value(k + 1),
  }));
}

/** Names of one pass's values. */
function names(i: number, { suffix }: RecurrentPass) {
  const own = (key: string): string => recurrentName(`${key}_${suffix}`, i);
  return {
    ...{ y: `y${i}_${suffix}`, kept: `kept${i}_${suffix}`, sums: `sums${i}_${suffix}`, hidden: `hidden${i}_${suffix}` },
    ...{
      before: `before${i}_${suffix}`,
      wx: own("weight_ih"),
      wh: own("weight_hh"),
      bx: own("bias_ih"),
      bh: own("bias_hh"),
    },
  };
}

export const recurrentNumpy: NumpyLayer<RecurrentSpec> = {
  helpers: ["recurrence", "recurrence_back"],
  forward: (layer, c) =>
    levels(layer, c).flatMap(({ passes, reads, gives }): readonly Line[] => {
      const lines = passes.flatMap((pass): readonly Line[] => {
        const n = names(c.i, pass);
        const way = pass.reverse ? "from the last step to the first" : "step by step";
        return [
          [
            `${n.sums} = ${reads} @ ${n.wx}.T${layer.bias ? ` + ${n.bx}` : ""}`,
            `${layer.type}: the input's part of every sum`,
          ],
          [
            `${n.y}, ${n.kept} = recurrence("${kindOf(layer)}", ${n.sums}, ${n.wh}, ${layer.bias ? n.bh : 0}, ${python(pass.reverse)}${c.lengths ? ", lengths" : ""})`,
            `and the state's, ${way}`,
          ],
        ];
      });
      const made = passes.map((pass) => names(c.i, pass).y);
      const joined = made.length === 1 ? made[0]! : `np.concatenate([${made.join(", ")}], axis=2)`;
      return [...lines, [`${gives} = ${joined}`, made.length === 1 ? "every step" : "both directions side by side"]];
    }),
  backward(layer, c) {
    const all = levels(layer, c);
    return all.toReversed().flatMap(({ passes, gives }, k): readonly Line[] => {
      const lines = passes.map((pass, d): Line => {
        const n = names(c.i, pass);
        const own = passes.length === 1 ? `d${gives}` : `np.split(d${gives}, 2, axis=2)[${d}]`;
        return [
          `d${n.sums}, d${n.hidden}, ${n.before} = recurrence_back("${kindOf(layer)}", ${own}, ${n.kept}, ${n.wh}, ${python(pass.reverse)}${c.lengths ? ", lengths" : ""})`,
          `${layer.type}: back through the steps, to the sums`,
        ];
      });
      const onward = passes.map((pass) => `d${names(c.i, pass).sums} @ ${names(c.i, pass).wx}`).join(" + ");
      const to = all[layer.layers - 1 - k]!.reads;
      const first = k === layer.layers - 1;
      return [
        ...lines,
        ...(first ? back(c, onward, "and to the input") : [[`d${to} = ${onward}`, "to the layer in front"] as const]),
      ];
    });
  },
  products: (layer, c) =>
    levels(layer, c).flatMap(({ passes, reads }) =>
      passes.flatMap((pass): readonly Line[] => {
        const n = names(c.i, pass);
        return [
          [
            `d${n.wx} = np.einsum("ntq,ntk->qk", d${n.sums}, ${reads})`,
            "value in front times derivative, over all steps",
          ],
          [`d${n.wh} = np.einsum("ntq,ntk->qk", d${n.hidden}, ${n.before})`, "the state of the step before, likewise"],
          ...(layer.bias
            ? ([
                [`d${n.bx} = d${n.sums}.sum(axis=(0, 1))`, "a bias is in every row and step"],
                [`d${n.bh} = d${n.hidden}.sum(axis=(0, 1))`, "and so is the state's"],
              ] as const)
            : []),
        ];
      }),
    ),
};

/** How many steps of each row count, 1 at least, as what a sum is divided by. */
const COUNTS = "np.maximum(lengths, 1)[:, None].astype(real)";

export const lastStepNumpy: NumpyLayer<LastStepSpec> = {
  forward: (_, { a, h, lengths }) =>
    lengths
      ? [
          [
            `${a} = ${h[0]}[np.arange(len(x)), np.maximum(lengths - 1, 0)] * (lengths > 0)[:, None]`,
            "the last step that counts",
          ],
        ]
      : [[`${a} = ${h[0]}[:, -1]`, "the last step"]],
  backward: (_, c) =>
    back(
      c,
      c.lengths
        ? `(np.arange(${c.shapes[0]![0]}) == lengths[:, None] - 1)[:, :, None] * d${c.a}[:, None]`
        : `np.concatenate([np.zeros_like(${c.h[0]}[:, 1:]), d${c.a}[:, None]], axis=1)`,
      "last step: no other counts",
    ),
};

/** Where steps count, [n, t, 1]. */
const counted = ({ shapes }: Place): string => `(np.arange(${shapes[0]![0]}) < lengths[:, None])[:, :, None]`;

export const meanStepsNumpy: NumpyLayer<MeanStepsSpec> = {
  forward: (_, c) =>
    c.lengths
      ? [[`${c.a} = (${c.h[0]} * ${counted(c)}).sum(axis=1) / ${COUNTS}`, "the mean of the steps that count"]]
      : [[`${c.a} = ${c.h[0]}.mean(axis=1)`, "the mean of all steps"]],
  backward: (_, c) =>
    back(
      c,
      c.lengths
        ? `${counted(c)} * (d${c.a} / ${COUNTS})[:, None]`
        : `np.broadcast_to(d${c.a}[:, None] / ${c.shapes[0]![0]}, ${c.h[0]}.shape)`,
      "mean of steps: each has an equal share",
    ),
};

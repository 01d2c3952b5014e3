import type { LateActivationSpec, LogSoftmaxSpec, MaxoutSpec, PreluSpec } from "../../nn/layers/late-activations.ts";
import { back, type Line, type NumpyLayer, type Place, perChannel, tuple } from "./place.ts";

/** Values and slope of an activation of h, with what both share. */
interface Formula {
  readonly before?: (h: string, i: number) => readonly Line[];
  readonly value: (h: string, i: number) => string;
  readonly slope: (h: string, i: number) => string;
}

const ROOT = "math.sqrt(2 / math.pi)";
const formulas: Readonly<Record<LateActivationSpec["type"], Formula>> = {
  hardSigmoid: {
    value: (h) => `np.clip(${h} / 6 + 0.5, 0, 1)`,
    slope: (h) => `((${h} > -3) & (${h} < 3)) / 6`,
  },
  hardSwish: {
    value: (h) => `${h} * np.clip(${h} / 6 + 0.5, 0, 1)`,
    slope: (h) => `np.where(${h} >= 3, 1, np.where(${h} <= -3, 0, ${h} / 3 + 0.5))`,
  },
  mish: {
    before: (h, i) => [[`t${i} = np.tanh(np.logaddexp(0, ${h}))`, `tanh(softplus(${h}))`]],
    value: (h, i) => `${h} * t${i}`,
    slope: (h, i) => `(t${i} + ${h} * (1 - t${i} ** 2) / (1 + np.exp(-${h})))`,
  },
  geluTanh: {
    before: (h, i) => [[`t${i} = np.tanh(${ROOT} * (${h} + 0.044715 * ${h} ** 3))`, "gelu's form by tanh"]],
    value: (h, i) => `0.5 * ${h} * (1 + t${i})`,
    slope: (h, i) => `(0.5 * (1 + t${i}) + 0.5 * ${h} * (1 - t${i} ** 2) * ${ROOT} * (1 + 3 * 0.044715 * ${h} ** 2))`,
  },
};

export const lateActivationNumpy: NumpyLayer<LateActivationSpec> = {
  forward({ type }, { i, a, h }) {
    const { before, value } = formulas[type];
    const text = type.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
    return [...(before?.(h[0]!, i) ?? []), [`${a} = ${value(h[0]!, i)}`, text]];
  },
  backward({ type }, c) {
    return back(c, `d${c.a} * ${formulas[type].slope(c.h[0]!, c.i)}`, `its slope at ${c.h[0]}`);
  },
};

const slopes = ({ size }: PreluSpec, c: Place): string => `slope${c.i}${size === 1 ? "" : perChannel(c.shape)}`;

export const preluNumpy: NumpyLayer<PreluSpec> = {
  forward: (layer, c) => [
    [
      `${c.a} = np.where(${c.h[0]} > 0, ${c.h[0]}, ${slopes(layer, c)} * ${c.h[0]})`,
      "prelu: below 0 times a slope that is trained",
    ],
  ],
  backward: (layer, c) =>
    back(c, `np.where(${c.h[0]} > 0, d${c.a}, ${slopes(layer, c)} * d${c.a})`, "prelu: 1 above 0, the slope below"),
  products({ size }, { i, a, h, shape }) {
    const below = `np.where(${h[0]} > 0, 0, d${a} * ${h[0]})`;
    const over = shape.length === 1 ? "0" : tuple([0, ...shape.slice(1).map((_, d) => d + 2)]);
    return [
      [
        `dslope${i} = ${size === 1 ? `${below}.sum().reshape(1)` : `${below}.sum(axis=${over})`}`,
        "what the slope multiplied, times its derivative",
      ],
    ];
  },
};

/** Pieces side by side: [n, channels, pieces, ...]. */
export const maxoutNumpy: NumpyLayer<MaxoutSpec> = {
  forward: ({ pieces }, { i, a, h, shape }) => [
    [
      `p${i} = ${h[0]}.reshape(len(${h[0]}), ${[shape[0], pieces, ...shape.slice(1)].join(", ")})`,
      "maxout: channels in groups,",
    ],
    [`${a} = p${i}.max(axis=2)`, "of each the largest"],
  ],
  backward({ pieces }, c) {
    if (!c.onward[0]) return [];
    const { i, a, h, shape } = c;
    const numbers = `np.arange(${pieces}).reshape(-1${", 1".repeat(shape.length - 1)})`;
    return [
      [`won${i} = ${numbers} == p${i}.argmax(axis=2)[:, :, None]`, "the first of equals has won"],
      ...back(c, `(won${i} * d${a}[:, :, None]).reshape(${h[0]}.shape)`, "maxout: all to the one that won"),
    ];
  },
};

export const logSoftmaxNumpy: NumpyLayer<LogSoftmaxSpec> = {
  forward({ axis }, { i, a, h, shape }) {
    const along = (axis ?? shape.length - 1) + 1;
    return [
      [
        `s${i} = ${h[0]} - ${h[0]}.max(axis=${along}, keepdims=True)`,
        "log of softmax: less the maximum, which changes nothing,",
      ],
      [`${a} = s${i} - np.log(np.exp(s${i}).sum(axis=${along}, keepdims=True))`, "less the log of the sum of exp"],
    ];
  },
  backward({ axis }, c) {
    const along = (axis ?? c.shape.length - 1) + 1;
    return back(
      c,
      `d${c.a} - np.exp(${c.a}) * d${c.a}.sum(axis=${along}, keepdims=True)`,
      "log of softmax: each output has a share in all",
    );
  },
};

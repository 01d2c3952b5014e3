import { wgsl } from "../wgsl.ts";

/** The text of one unit's step in each kind of recurrence, for four rows of the batch at once; src/ops/recurrent/cells.ts says what it computes. */
export interface CellText {
  readonly name: string;
  readonly gates: number;
  readonly saved: number;
  /** Which saved value is the cell that the next step reads; -1: none. */
  readonly cell: number;
  readonly apart: boolean;
  readonly readsOutputs: boolean;
  /** True where the gradient carries something beside the sums to the step before. */
  readonly carries: boolean;
  /**
   * Lets `made` (the output) and `v0`, `v1` ... (the saved values) be, from `x0` ... (input side with its bias), `s0` ... (hidden side),
   * `before` (the state) and `cell`.
   */
  readonly step: string;
  /**
   * Lets `d0` ... (d of the input side), `e0` ... (of the hidden side, where apart) and `onward` (what the step before is carried) be, from `dh`, `carry`,
   * `v0` ..., `out` (the output), `before` and `cell`.
   */
  readonly back: string;
}

const lstm: CellText = {
  name: "lstm",
  gates: 4,
  saved: 5,
  cell: 4,
  apart: false,
  readsOutputs: false,
  carries: true,
  step: `
  let v0 = sigmoidOf(x0 + s0);
  let v1 = sigmoidOf(x1 + s1);
  let v2 = tanhOf(x2 + s2);
  let v3 = sigmoidOf(x3 + s3);
  let v4 = fma(v1, cell, v0 * v2);
  let made = v3 * tanhOf(v4);`,
  back: `
  let s = tanhOf(v4);
  let dc = fma(dh * v3, (1.0 - s) * (1.0 + s), carry);
  let d0 = dc * v2 * v0 * (1.0 - v0);
  let d1 = dc * cell * v1 * (1.0 - v1);
  let d2 = dc * v0 * (1.0 - v2) * (1.0 + v2);
  let d3 = dh * s * v3 * (1.0 - v3);
  let onward = dc * v1;`,
};

const gru: CellText = {
  name: "gru",
  gates: 3,
  saved: 4,
  cell: -1,
  apart: true,
  readsOutputs: true,
  carries: true,
  step: `
  let v0 = sigmoidOf(x0 + s0);
  let v1 = sigmoidOf(x1 + s1);
  let v3 = s2;
  let v2 = tanhOf(fma(v0, s2, x2));
  let made = fma(v1, before - v2, v2);`,
  back: `
  let all = dh + carry;
  let d2 = all * (1.0 - v1) * (1.0 - v2) * (1.0 + v2);
  let d1 = all * (before - v2) * v1 * (1.0 - v1);
  let d0 = d2 * v3 * v0 * (1.0 - v0);
  let e0 = d0;
  let e1 = d1;
  let e2 = d2 * v0;
  let onward = all * v1;`,
};

const rnn: CellText = {
  name: "rnn",
  gates: 1,
  saved: 0,
  cell: -1,
  apart: false,
  readsOutputs: true,
  carries: false,
  step: "  let made = tanhOf(x0 + s0);",
  back: "  let d0 = dh * (1.0 - out) * (1.0 + out);",
};

const rnnRelu: CellText = {
  ...rnn,
  name: "rnnRelu",
  step: "  let made = reluOf(x0 + s0);",
  back: "  let d0 = throughRelu(dh, out);",
};

export const cellTexts: Readonly<Record<"lstm" | "gru" | "rnn" | "rnnRelu", CellText>> = { lstm, gru, rnn, rnnRelu };

/** A text that is of four rows, of one. */
export const ofOneRow = (text: string): string => text.replace(/vec4<(\w+)>/g, "$1");

/** Functions that the texts call, of four rows at once: as shaders/math.ts has them, and NaN passes through. */
export const cellFunctions = wgsl`
fn notNumber(x: vec4<f32>) -> vec4<bool> {
  return (bitcast<vec4<u32>>(x) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u);
}
fn sigmoidOf(x: vec4<f32>) -> vec4<f32> {
  let e = exp(-abs(x));
  let r = 1.0 / (1.0 + e);
  return select(select(e * r, r, x >= vec4<f32>()), x, notNumber(x));
}
fn tanhOf(x: vec4<f32>) -> vec4<f32> {
  let a = abs(x);
  let b = min(a, vec4<f32>(0.3));
  let q = b * b;
  let near = x * (1.0 + q * (-0.33333333 + q * (0.13333333 + q * (-0.053968254 + q * (0.021869488 + q * -0.0088632355)))));
  let e = exp(-2.0 * a);
  let far = sign(x) * ((1.0 - e) / (1.0 + e));
  return select(select(far, near, a < vec4<f32>(0.3)), x, notNumber(x));
}
fn reluOf(x: vec4<f32>) -> vec4<f32> { return select(max(x, vec4<f32>()), x, notNumber(x)); }
fn throughRelu(d: vec4<f32>, y: vec4<f32>) -> vec4<f32> {
  return select(select(vec4<f32>(), d, y > vec4<f32>()), y, notNumber(y));
}
`;

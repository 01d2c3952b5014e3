/** What one unit does in one step: all in which lstm, gru and rnn differ. References and bounds are written over it. */

/** Numbers of some kind: plain ones, or ones that carry a bound of their error. */
export interface Arithmetic<N> {
  readonly zero: N;
  readonly one: N;
  add(a: N, b: N): N;
  sub(a: N, b: N): N;
  mul(a: N, b: N): N;
  sigmoid(a: N): N;
  tanh(a: N): N;
  relu(a: N): N;
  /** b where y is above 0, else 0. */
  where(y: N, b: N): N;
}

/** A unit's gradients in one step. */
export interface UnitGradient<N> {
  /** Of the gates' sums, input side; of the hidden side the same, but where `hidden` says otherwise. */
  readonly dx: readonly N[];
  readonly hidden?: readonly N[];
  /** What goes on to the step before beside the sums: of the cell (lstm), or of the state itself (gru). */
  readonly carry: N;
}

export type CellName = "lstm" | "gru" | "rnn" | "rnnRelu";

/** A kind of recurrence. Gates lie one behind the other in PyTorch's order. */
export interface Cell {
  readonly name: CellName;
  readonly gates: number;
  /** Values a unit and step that its gradient reads beside the outputs. */
  readonly saved: number;
  /** Which of them the next step reads, as an lstm's cell; -1: none. */
  readonly cell: number;
  /** True where the sums of the input and of the state meet only behind a product, so that their gradients differ. */
  readonly apart: boolean;
  /** True where the gradient reads outputs: its own step's (rnn), or the step before's (gru). */
  readonly readsOutputs: boolean;
  /** From a gate's input side and hidden side, each with its bias, and state and cell of the step before. */
  step<N>(a: Arithmetic<N>, x: readonly N[], hidden: readonly N[], h: N, c: N): { y: N; saved: readonly N[] };
  /** From d of the output, what the step behind carried, the step's saved values and output, state and cell before. */
  back<N>(a: Arithmetic<N>, dy: N, carry: N, saved: readonly N[], y: N, h: N, c: N): UnitGradient<N>;
}

/** d of a sum from d of its sigmoid. */
const throughSigmoid = <N>(a: Arithmetic<N>, d: N, y: N): N => a.mul(d, a.mul(y, a.sub(a.one, y)));
const throughTanh = <N>(a: Arithmetic<N>, d: N, y: N): N => a.mul(d, a.mul(a.sub(a.one, y), a.add(a.one, y)));

/** c = f c + i g, y = o tanh(c). Gates i, f, g, o. */
const lstm: Cell = {
  name: "lstm",
  gates: 4,
  saved: 5,
  cell: 4,
  apart: false,
  readsOutputs: false,
  step(a, x, hidden, _h, before) {
    const sum = x.map((v, k) => a.add(v, hidden[k]!));
    const [i, f, o] = [a.sigmoid(sum[0]!), a.sigmoid(sum[1]!), a.sigmoid(sum[3]!)];
    const g = a.tanh(sum[2]!);
    const c = a.add(a.mul(f, before), a.mul(i, g));
    return { y: a.mul(o, a.tanh(c)), saved: [i, f, g, o, c] };
  },
  back(a, dy, carry, [i, f, g, o, c], _y, _h, before) {
    const s = a.tanh(c!);
    const dc = a.add(throughTanh(a, a.mul(dy, o!), s), carry);
    const dx = [
      throughSigmoid(a, a.mul(dc, g!), i!),
      throughSigmoid(a, a.mul(dc, before), f!),
      throughTanh(a, a.mul(dc, i!), g!),
      throughSigmoid(a, a.mul(dy, s), o!),
    ];
    return { dx, carry: a.mul(dc, f!) };
  },
};

/** y = n + z (h - n), the reset gate on the hidden sum of n behind its bias. Gates r, z, n; that sum is saved fourth. */
const gru: Cell = {
  name: "gru",
  gates: 3,
  saved: 4,
  cell: -1,
  apart: true,
  readsOutputs: true,
  step(a, x, hidden, h) {
    const r = a.sigmoid(a.add(x[0]!, hidden[0]!));
    const z = a.sigmoid(a.add(x[1]!, hidden[1]!));
    const n = a.tanh(a.add(x[2]!, a.mul(r, hidden[2]!)));
    return { y: a.add(n, a.mul(z, a.sub(h, n))), saved: [r, z, n, hidden[2]!] };
  },
  back(a, own, carry, [r, z, n, sum], _y, h) {
    const dy = a.add(own, carry);
    const dn = throughTanh(a, a.mul(dy, a.sub(a.one, z!)), n!);
    const dz = throughSigmoid(a, a.mul(dy, a.sub(h, n!)), z!);
    const dr = throughSigmoid(a, a.mul(dn, sum!), r!);
    return { dx: [dr, dz, dn], hidden: [dr, dz, a.mul(dn, r!)], carry: a.mul(dy, z!) };
  },
};

const rnn: Cell = {
  name: "rnn",
  gates: 1,
  saved: 0,
  cell: -1,
  apart: false,
  readsOutputs: true,
  step: (a, [x], [hidden]) => ({ y: a.tanh(a.add(x!, hidden!)), saved: [] }),
  back: (a, dy, _carry, _saved, y) => ({ dx: [throughTanh(a, dy, y)], carry: a.zero }),
};

const rnnRelu: Cell = {
  ...rnn,
  name: "rnnRelu",
  step: (a, [x], [hidden]) => ({ y: a.relu(a.add(x!, hidden!)), saved: [] }),
  back: (a, dy, _carry, _saved, y) => ({ dx: [a.where(y, dy)], carry: a.zero }),
};

export const cells: Readonly<Record<CellName, Cell>> = { lstm, gru, rnn, rnnRelu };

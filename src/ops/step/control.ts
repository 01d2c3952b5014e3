import { finiteTests } from "../../../shaders/common.ts";
import {
  CONTROL,
  CONTROL_SIZE,
  control as controlCode,
  controlParams,
  controlRecordParams,
  controlStep,
  LEAST_SCALE,
  type Scaling,
  type ScheduleKind,
  scheduleIncludes,
} from "../../../shaders/step/step.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { index } from "../../graph/chip.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { COST, constants } from "../shared/chip.ts";
import { composed } from "../shared/composed.ts";
import { input, output } from "../shared/dispatch-plan.ts";
import { call, float } from "../shared/wasm-plan.ts";
import { type RecordAttrs, record } from "./record.ts";

export { CONTROL, CONTROL_SIZE, LEAST_SCALE };

export interface ControlAttrs {
  readonly schedule: ScheduleKind;
  readonly lr: number;
  readonly warmup: number;
  /** Steps between drops ("step"), or to the end of the half wave ("cosine") or of the ramp ("exponential"). */
  readonly period: number;
  /** Factor of a period. */
  readonly gamma: number;
  readonly floor: number;
  /** Global norm that gradients are clipped to; 0 for none. */
  readonly maxNorm: number;
  readonly beta1: number;
  readonly beta2: number;
  /** Of gradients that are scaled: texts around the numbers of the kernel that records too. */
  readonly scaling?: Scaling;
}

/** Schedules by number, as wasm/step.ts counts them. */
const SCHEDULES: readonly ScheduleKind[] = ["constant", "step", "cosine", "exponential"];

/** Learning rate of step `step` (from 0). The one formula; the device's is shaders/step/step.ts. */
export function learningRate(step: number, a: ControlAttrs): number {
  if (step < a.warmup) return (a.lr * (step + 1)) / a.warmup;
  const t = step - a.warmup;
  if (a.schedule === "step") return a.lr * a.gamma ** Math.floor(t / a.period);
  if (a.schedule === "cosine") {
    const along = Math.min(t, a.period) / a.period;
    return a.floor + (a.lr - a.floor) * 0.5 * (1 + Math.cos(Math.PI * along));
  }
  if (a.schedule === "exponential") return a.lr * a.gamma ** (Math.min(t, a.period) / a.period);
  return a.lr;
}

/** Gamma as the kernels take it: the exponential schedule's as a logarithm to base 2. */
const gammaNumber = ({ schedule, gamma }: ControlAttrs): number =>
  schedule === "exponential" ? Math.log2(gamma) : gamma;

/**
 * control f32 [8] in place, from cursor, loss [1] and stats: learning rate, gate (0 when loss or a gradient is not
 * finite), clipping factor, gradient norm, Adam's two bias corrections (c = c beta + 1 - beta).
 */
export const control: Op<ControlAttrs> = {
  name: "control",
  infer: ([c]) => [{ shape: c!.shape, dtype: "f32" }],
  reference([c, cursor, loss, stats], a) {
    let squares = 0;
    let broken = 0;
    for (let i = 0; i < stats!.data.length; i += 2) {
      squares += stats!.data[i]!;
      broken += stats!.data[i + 1]!;
    }
    const fine = broken === 0 && Number.isFinite(loss!.data[0]!);
    const norm = Math.sqrt(squares);
    const d = c!.data;
    d[CONTROL.lr] = learningRate(cursor!.data[0]!, a);
    d[CONTROL.gate] = fine ? 1 : 0;
    d[CONTROL.clip] = a.maxNorm > 0 ? Math.min(1, a.maxNorm / (norm + 1e-6)) : 1;
    d[CONTROL.norm] = norm;
    if (fine) {
      d[CONTROL.correction1] = d[CONTROL.correction1]! * a.beta1 + (1 - a.beta1);
      d[CONTROL.correction2] = d[CONTROL.correction2]! * a.beta2 + (1 - a.beta2);
    }
    return [c!];
  },
  wasm([, , , stats], _outputs, a) {
    const bindings = [output(0), input(1), input(2), input(3)];
    const floats = [a.lr, gammaNumber(a), a.floor, a.maxNorm, a.beta1, 1 - a.beta1, a.beta2, 1 - a.beta2].map(float);
    const whole = [sizeOf(stats!.shape) / 2, SCHEDULES.indexOf(a.schedule), a.warmup, a.period];
    return call("control", [...bindings, ...whole, ...floats]);
  },
  gradient: "none",
  onChip(w, [, cursor, loss, stats], [c], a) {
    for (const text of [finiteTests, scheduleIncludes(a.schedule)]) w.declare(text);
    w.once(() => {
      constants(w, "ControlParams", controlParams, numbersOf(a, stats!));
      w.add("var squares = 0.0; var broken = 0.0;");
      for (const [from, to] of stats!.ranges) {
        w.loop(from / 2, to / 2, (k) => {
          const at = index.times(k, 2);
          w.add(`squares += ${stats!.at(at)}; broken += ${stats!.at(index.plus(at, 1))};`);
        });
      }
      const arrays = { control: c!.at, cursor: cursor!.at, loss: loss!.at };
      w.add(controlStep(a.schedule, a.maxNorm > 0, arrays), COST.function);
    });
  },
  inPlace: [[0, 0]],
  kernels: [
    {
      name: "control/one",
      plan: ([, , , stats], _o, a) => ({
        launches: [
          {
            code: controlCode(a.schedule, a.maxNorm > 0, false),
            params: controlParams.pack(numbersOf(a, stats!)),
            bindings: [output(0), input(1), input(2), input(3)],
            workgroups: [1, 1, 1],
          },
        ],
      }),
    },
  ],
};

/** What both kernels of control take from the host. */
function numbersOf(a: ControlAttrs, stats: TensorSpec) {
  const { warmup, period, lr, floor, maxNorm, beta1, beta2 } = a;
  const count = sizeOf(stats.shape) / 2;
  return {
    count,
    warmup,
    period,
    lr,
    gamma: gammaNumber(a),
    floor,
    maxNorm,
    beta1,
    beta2,
    oneMinusBeta1: 1 - beta1,
    oneMinusBeta2: 1 - beta2,
  };
}

/** control and record in one kernel: inputs control, cursor, loss, stats, ring; outputs control, cursor, ring. */
export const controlAndRecord: Op<ControlAttrs & RecordAttrs> = composed<ControlAttrs & RecordAttrs>({
  name: "controlAndRecord",
  body: (attrs) => ({
    parts: [
      { op: control, attrs, inputs: [{ input: 0 }, { input: 1 }, { input: 2 }, { input: 3 }] },
      { op: record, attrs, inputs: [{ input: 1 }, { input: 4 }, { input: 2 }, { part: 0 }] },
    ],
    outputs: [{ part: 0 }, { part: 1, output: 0 }, { part: 1, output: 1 }],
  }),
  inPlace: [
    [0, 0],
    [1, 1],
    [2, 4],
  ],
  kernels: [
    {
      name: "controlAndRecord/one",
      plan: ([, , , stats], _o, a) => ({
        launches: [
          {
            code: controlCode(a.schedule, a.maxNorm > 0, true, a.scaling),
            params: controlRecordParams.pack({ ...numbersOf(a, stats!), slots: a.slots, batch: a.batch, n: a.n }),
            bindings: [output(0), output(1), input(2), input(3), output(2)],
            workgroups: [1, 1, 1],
          },
        ],
      }),
    },
  ],
});

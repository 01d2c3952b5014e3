import { correctParams, countCorrect as countCode, rightRows } from "../../../shaders/loss/accuracy.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { index } from "../../graph/chip.ts";
import { expectRank } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { rowsByFours } from "../norm/row-plan.ts";
import { type OnChip, rowElement } from "../shared/chip.ts";
import { grid, input, output, scratch } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { call } from "../shared/wasm-plan.ts";
import { summed } from "./cross-entropy.ts";

const countCorrectOnChip: OnChip<null> = (w, [x, labels], [y]) => {
  const [M, N] = x!.shape as readonly [number, number];
  const total = w.total([[0, M]], (row, partial) => {
    w.add(`var best = 0u; var most = ${rowElement(x!, row, 0)};`);
    w.loop(1, N, (j) => {
      const logit = rowElement(x!, row, j);
      w.add(`let larger = ${logit} > most;`);
      w.add(`best = select(best, ${index.text(j)}, larger); most = select(most, ${logit}, larger);`);
    });
    w.add(`${partial} += select(0.0, 1.0, best == u32(${labels!.at(row)}));`);
  });
  w.once(() => w.add(`${y!.at(0)} = ${total};`));
};

/** y [1] = number of rows of logits [n, classes] whose largest element is the label's; the first of equals wins. */
export const countCorrect: Op<null> = {
  name: "countCorrect",
  infer(inputs) {
    expectRank(countCorrect, inputs, [2, 1]);
    return [{ shape: [1], dtype: "f32" }];
  },
  reference([x, labels]) {
    const [M, N] = x!.shape as readonly [number, number];
    const y = floatLike(x!, [1]);
    for (let row = 0; row < M; row++) {
      let best = 0;
      for (let j = 1; j < N; j++) if (x!.data[row * N + j]! > x!.data[row * N + best]!) best = j;
      if (best === labels!.data[row]) y.data[0]! += 1;
    }
    return [y];
  },
  wasm: ([x]) => call("countCorrect", [input(0), input(1), output(0), ...x!.shape]),
  onChip: countCorrectOnChip,
  gradient: "none",
  kernels: [
    {
      name: "countCorrect/rows",
      plan([x]) {
        const [rows, N] = x!.shape as readonly [number, number];
        const params = correctParams.pack({ rows, N });
        return {
          launches: [{ code: countCode(), params, bindings: [input(0), input(1), output(0)], workgroups: [1, 1, 1] }],
        };
      },
    },
    {
      name: "countCorrect/row",
      plan([x], _outputs, _attrs, caps) {
        const [rows, N] = x!.shape as readonly [number, number];
        const row = {
          code: rightRows(rowsByFours(x!)),
          params: correctParams.pack({ rows, N }),
          bindings: [input(0), input(1), scratch(0, "read_write")],
          workgroups: grid(rows, caps),
        };
        return { scratch: [{ shape: [rows], dtype: "f32" }], launches: [row, summed(scratch(0, "read"), rows, 1)] };
      },
      // Where there is work for more workgroups than one, and a device that has them.
      suits: ([x], _attrs, { onCpu }) => !onCpu && sizeOf(x!.shape) >= MUCH,
    },
  ],
};

/** Logits from which a row is a workgroup's. */
const MUCH = 4096;

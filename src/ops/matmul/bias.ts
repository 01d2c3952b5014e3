import { flatMain, flatType, read, storage, write } from "../../../shaders/common.ts";
import { paramBlock } from "../../../shaders/params.ts";
import {
  FOURS_WORKGROUP,
  sumColumnFours,
  sumColumnsAlone,
  sumColumnsParams,
  sumRows as sumRowsCode,
} from "../../../shaders/reduce.ts";
import { wgsl } from "../../../shaders/wgsl.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { index } from "../../graph/chip.ts";
import { expectRank, wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { elementwise } from "../shared/chip.ts";
import { flatLaunch, grid, inFours, input, output } from "../shared/dispatch-plan.ts";
import { laneSumsPlan } from "../shared/lane-sums.ts";
import { floatLike } from "../shared/rounding.ts";
import { call, flatCall, partsOf } from "../shared/wasm-plan.ts";

const addBiasParams = paramBlock({ size: "u32", N: "u32" });
/** An element an invocation, or `four`, which stand in one row (params count those). */
const addBiasCode = (four: boolean): string => {
  const type = flatType(four);
  return wgsl`
${addBiasParams.wgsl}
${storage(read("x", type), read("b", type), write("y", type))}
${flatMain("  y[i] = x[i] + b[i % params.N];")}
`;
};

/** y [M, N] = x [M, N] + b [N], the same b for every row. */
export const addBias: Op<null> = {
  name: "addBias",
  infer(inputs) {
    expectRank(addBias, inputs, [2, 1]);
    if (inputs[0]!.shape[1] !== inputs[1]!.shape[0]) wrongShapes(addBias, inputs, "x [M, N] and b [N]");
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference([x, b]) {
    const y = floatLike(x!, x!.shape);
    const N = b!.data.length;
    for (let i = 0; i < y.data.length; i++) y.data[i] = x!.data[i]! + b!.data[i % N]!;
    return [y];
  },
  wasm: (_inputs, [y]) => flatCall("addBias", [input(0), input(1), output(0), ...y!.shape], y!),
  gradient: (g, { inputs: [, b] }, [dy]) => [dy!, g.one(sumRows, [dy!], null, `d ${b!.name}`)],
  kernels: [
    {
      name: "addBias/flat",
      plan([x], _outputs, _attrs, caps) {
        const [M, columns] = x!.shape as readonly [number, number];
        const [four, N] = inFours(columns);
        const params = addBiasParams.pack({ size: M * N, N });
        return { launches: [flatLaunch(addBiasCode(four), params, [input(0), input(1), output(0)], M * N, caps)] };
      },
    },
  ],
  onChip: (w, [x, b], [y]) => elementwise(w, y!, (i) => `${x!.at(i)} + ${b!.at(index.rest(i, b!.shape[0]!))}`),
};

/** Up to so many rows one invocation adds up a column by itself, on a CPU and on a GPU, whose invocations wait for memory. */
const FEW_ROWS = 256;
const FEW_ON_GPU = 16;

/** y [N] = sum over the rows of x [M, N]: the gradient of a bias. */
export const sumRows: Op<null> = {
  name: "sumRows",
  infer(inputs) {
    expectRank(sumRows, inputs, [2]);
    return [{ shape: [inputs[0]!.shape[1]!], dtype: "f32" }];
  },
  reference([x]) {
    const [M, N] = x!.shape as readonly [number, number];
    const sums = new Float64Array(N);
    for (let m = 0; m < M; m++) for (let n = 0; n < N; n++) sums[n]! += x!.data[m * N + n]!;
    const y = floatLike(x!, [N]);
    y.data.set(sums);
    return [y];
  },
  wasm: ([x]) => call("sumRows", [input(0), output(0), ...x!.shape], partsOf(sizeOf(x!.shape))),
  gradient: "none",
  kernels: [
    {
      name: "sumRows/lanes",
      plan([x], _outputs, _attrs, caps) {
        const [M, N] = x!.shape as readonly [number, number];
        return laneSumsPlan(sumRowsCode, M, N, [input(0)], caps);
      },
    },
    {
      name: "sumRows/column",
      plan([x], _outputs, _attrs, caps) {
        const [M, N] = x!.shape as readonly [number, number];
        const params = sumColumnsParams.pack({ size: N, M });
        return { launches: [flatLaunch(sumColumnsAlone(), params, [input(0), output(0)], N, caps)] };
      },
      // On a CPU, whose barriers cost what many additions do, whatever the rows.
      suits: ([x], _attrs, { onCpu }) => onCpu || x!.shape[0]! <= FEW_ON_GPU,
    },
    {
      name: "sumRows/fours",
      plan([x], _outputs, _attrs, caps) {
        const [M, N] = x!.shape as readonly [number, number];
        if (N % 4 !== 0) return null;
        const params = sumColumnsParams.pack({ size: N / 4, M });
        const workgroups = grid(Math.ceil(N / 4 / FOURS_WORKGROUP), caps);
        return { launches: [{ code: sumColumnFours(), params, bindings: [input(0), output(0)], workgroups }] };
      },
      // Where rows are few, its text takes longer to compile than it saves.
      suits: ([x], _attrs, { onCpu }) => onCpu && x!.shape[0]! > FEW_ROWS,
    },
  ],
  onChip(w, [x], [y]) {
    const [M, N] = x!.shape as readonly [number, number];
    w.each(N, (n) => {
      w.add(`var sum = ${x!.at(n)};`);
      w.loop(1, M, (m) => w.add(`sum += ${x!.at(index.plus(index.times(m, N), n))};`));
      w.add(`${y!.at(n)} = sum;`);
    });
  },
};

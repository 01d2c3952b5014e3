import { flatMain, flatType, read, storage, write } from "../../../shaders/common.ts";
import { paramBlock } from "../../../shaders/params.ts";
import { wgsl } from "../../../shaders/wgsl.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { expectSame } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { elementwise } from "../shared/chip.ts";
import { flatLaunch, flatWindows, inFours, input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { flatCall } from "../shared/wasm-plan.ts";

const addParams = paramBlock({ size: "u32" });
const addCode = (four: boolean): string => {
  const type = flatType(four);
  return wgsl`
${addParams.wgsl}
${storage(read("a", type), read("b", type), write("y", type))}
${flatMain("  y[i] = a[i] + b[i];")}
`;
};

/** y = a + b, of one shape: where a value is used twice, its gradients are added. */
export const add: Op<null> = {
  name: "add",
  infer(inputs) {
    expectSame(add, inputs);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference([a, b]) {
    const y = floatLike(a!, a!.shape);
    for (let i = 0; i < y.data.length; i++) y.data[i] = a!.data[i]! + b!.data[i]!;
    return [y];
  },
  wasm: (_inputs, [y]) => flatCall("add", [input(0), input(1), output(0), sizeOf(y!.shape)], y!),
  gradient: (_g, _node, [dy]) => [dy!, dy!],
  kernels: [
    {
      name: "add/flat",
      plan: (_i, [y], _a, caps) =>
        flatWindows(sizeOf(y!.shape), caps, (window, count) => {
          const bindings = [window(input(0)), window(input(1)), window(output(0))];
          const [four, size] = inFours(count);
          return flatLaunch(addCode(four), addParams.pack({ size }), bindings, size, caps);
        }),
    },
  ],
  onChip: (w, [a, b], [y]) => elementwise(w, y!, (i) => `${a!.at(i)} + ${b!.at(i)}`),
};

import { flatMain, flatType, read, storage, write } from "../../../shaders/common.ts";
import { paramBlock } from "../../../shaders/params.ts";
import { wgsl } from "../../../shaders/wgsl.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { expectSame, wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { elementwise } from "../shared/chip.ts";
import { flatLaunch, flatWindows, inFours, input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { flatCall } from "../shared/wasm-plan.ts";

const multiplyParams = paramBlock({ size: "u32" });
const multiplyCode = (four: boolean): string => {
  const type = flatType(four);
  return wgsl`
${multiplyParams.wgsl}
${storage(read("a", type), read("b", type), write("y", type))}
${flatMain("  y[i] = a[i] * b[i];")}
`;
};

/** y = a b, element by element, of one shape. */
export const multiply: Op<null> = {
  name: "multiply",
  infer(inputs) {
    if (inputs.length !== 2) wrongShapes(multiply, inputs, "two inputs: several are multiplied one after the other");
    expectSame(multiply, inputs);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference([a, b]) {
    const y = floatLike(a!, a!.shape);
    for (let i = 0; i < y.data.length; i++) y.data[i] = a!.data[i]! * b!.data[i]!;
    return [y];
  },
  wasm: (_inputs, [y]) => flatCall("multiplied", [input(0), input(1), output(0), sizeOf(y!.shape)], y!),
  onChip: (w, [a, b], [y]) => elementwise(w, y!, (i) => `${a!.at(i)} * ${b!.at(i)}`),
  gradient: (g, { inputs: [a, b] }, [dy]) => [
    g.one(multiply, [dy!, b!], null, `d ${a!.name}`),
    g.one(multiply, [dy!, a!], null, `d ${b!.name}`),
  ],
  kernels: [
    {
      name: "multiply/flat",
      plan: (_inputs, [y], _attrs, caps) =>
        flatWindows(sizeOf(y!.shape), caps, (window, count) => {
          const bindings = [window(input(0)), window(input(1)), window(output(0))];
          const [four, size] = inFours(count);
          return flatLaunch(multiplyCode(four), multiplyParams.pack({ size }), bindings, size, caps);
        }),
    },
  ],
};

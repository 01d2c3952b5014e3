import { eachLane, finiteTests, flatMain, flatType, read, storage, write } from "../../../shaders/common.ts";
import { activationFunction, elementwiseParams } from "../../../shaders/elementwise/elementwise.ts";
import { wgsl } from "../../../shaders/wgsl.ts";
import { sizeOf } from "../../core/ndarray.ts";
import type { Op } from "../../graph/op.ts";
import { activationOf } from "../fuse.ts";
import { composed } from "../shared/composed.ts";
import { flatLaunch, flatWindows, inFours, input, output } from "../shared/dispatch-plan.ts";
import type { ActivationAttrs } from "./activation.ts";
import { activations } from "./activations.ts";
import { add } from "./add.ts";

export interface AddActivationAttrs extends ActivationAttrs {
  /** Its name. */
  readonly activation: string;
}

const codeOf = (name: string, four: boolean): string => {
  const { includes, wgsl: expression } = activations[name]!.spec;
  const type = flatType(four);
  return wgsl`
${elementwiseParams.wgsl}
${storage(read("a", type), read("b", type), write("y", type))}
${finiteTests}
${includes.join("")}
${activationFunction(expression)}
${flatMain(`  let sum = a[i] + b[i];\n  y[i] = ${eachLane(four, (lane) => `activation(sum${lane}, params.alpha)`)};`)}
`;
};

/** y = activation(a + b), of one shape: the end of a residual block in one kernel. */
export const addActivation: Op<AddActivationAttrs> = composed({
  name: "addActivation",
  body: ({ activation, alpha }) => ({
    parts: [
      { op: add, attrs: null, inputs: [{ input: 0 }, { input: 1 }] },
      { op: activations[activation]!.forward, attrs: { alpha }, inputs: [{ part: 0 }] },
    ],
    outputs: [{ part: 1 }],
  }),
  kernels: [
    {
      name: "addActivation/flat",
      plan: (_inputs, [y], { activation, alpha }, caps) =>
        flatWindows(sizeOf(y!.shape), caps, (window, count) => {
          const bindings = [window(input(0)), window(input(1)), window(output(0))];
          const [four, size] = inFours(count);
          return flatLaunch(codeOf(activation, four), elementwiseParams.pack({ size, alpha }), bindings, size, caps);
        }),
    },
  ],
});

/** `add` as layers have it: it becomes one with an activation that alone looks at it. */
export const residualAdd: Op<null> = {
  ...add,
  fuse(node, { only }) {
    const at = only(node.outputs[0]!);
    const activation = activationOf(at, "forward");
    if (!at || !activation) return null;
    const attrs = { activation: activation.spec.name, alpha: at.attrs.alpha };
    return { replaces: [node, at], at, op: addActivation, attrs, inputs: node.inputs, outputs: at.outputs };
  },
};

import {
  type Activation,
  activationLayer,
  type CustomActivation,
  type CustomLayer,
  customLayer,
  defineActivation,
  defineOp,
  expectSame,
  flatLaunch,
  flatMain,
  floatLike,
  input,
  type Op,
  output,
  paramBlock,
  read,
  sizeOf,
  storage,
  sumRows,
  wgslMath,
  write,
} from "../../src/custom.ts";

/** Ops, activations and layers as a user would write them; `change` makes them wrong. */

const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const logistic = (x: number): number => 1 / (1 + Math.exp(-x));
const wgslSoftplus = "max(x, 0.0) + log1pUnit(exp(-abs(x)))";

/** x tanh(softplus(x)), after Misra (2019). */
export function mish(change: Partial<CustomActivation> = {}): Activation {
  return defineActivation({
    name: "mish",
    fn: (x) => x * Math.tanh(softplus(x)),
    dfn: (x) => {
      const t = Math.tanh(softplus(x));
      return t + x * (1 - t * t) * logistic(x);
    },
    includes: [wgslMath.safeTanh, wgslMath.safeSigmoid, wgslMath.log1p, mishParts],
    wgsl: "x * mishTanh(x)",
    wgslGradient: "mishTanh(x) + x * (1.0 - mishTanh(x) * mishTanh(x)) * safeSigmoid(x)",
    ...change,
  });
}
const mishParts = `fn mishTanh(x: f32) -> f32 { return safeTanh(${wgslSoftplus}); }\n`;

const size = paramBlock({ size: "u32", width: "u32" });

/** y = a b, element by element. */
export function multiplyOp(): Op<null> {
  const multiply: Op<null> = defineOp<null>({
    name: "multiply",
    infer(inputs) {
      expectSame(multiply, inputs);
      return [{ shape: inputs[0]!.shape, dtype: "f32" }];
    },
    reference([a, b]) {
      const y = floatLike(a!, a!.shape);
      for (let i = 0; i < y.data.length; i++) y.data[i] = a!.data[i]! * b!.data[i]!;
      return [y];
    },
    gradient: (g, { inputs: [a, b] }, [dy]) => [g.one(multiply, [dy!, b!], null), g.one(multiply, [dy!, a!], null)],
    kernels: [
      {
        name: "multiply/flat",
        plan([a], _outputs, _attrs, caps) {
          const n = sizeOf(a!.shape);
          const code = `${size.wgsl}${storage(read("a"), read("b"), write("y"))}${flatMain("y[i] = a[i] * b[i];")}`;
          const bindings = [input(0), input(1), output(0)];
          return { launches: [flatLaunch(code, size.pack({ size: n, width: 1 }), bindings, n, caps)] };
        },
      },
    ],
    cases: [[1], [3, 5], [700, 3]].map((shape) => ({
      name: shape.join("x"),
      inputs: [
        { shape, dtype: "f32" },
        { shape, dtype: "f32" },
      ],
      attrs: null,
    })),
  });
  return multiply;
}

/** y [M, N] = x [M, N] with each column times its own s [N]. */
export function scaleColumnsOp(change: { kernel?: string; gradient?: Op<null>["gradient"] } = {}): Op<null> {
  const multiply = multiplyOp();
  const scaleColumns: Op<null> = defineOp<null>({
    name: "scaleColumns",
    infer: ([x]) => [{ shape: x!.shape, dtype: "f32" }],
    reference([x, s]) {
      const y = floatLike(x!, x!.shape);
      const N = s!.data.length;
      for (let i = 0; i < y.data.length; i++) y.data[i] = x!.data[i]! * s!.data[i % N]!;
      return [y];
    },
    gradient:
      change.gradient ??
      ((g, { inputs: [x, s] }, [dy]) => [
        g.one(scaleColumns, [dy!, s!], null),
        g.one(sumRows, [g.one(multiply, [dy!, x!], null)], null),
      ]),
    kernels: [
      {
        name: "scaleColumns/flat",
        plan([x, s], _outputs, _attrs, caps) {
          const n = sizeOf(x!.shape);
          const body = flatMain(change.kernel ?? "y[i] = x[i] * s[i % params.width];");
          const code = `${size.wgsl}${storage(read("x"), read("s"), write("y"))}${body}`;
          const params = size.pack({ size: n, width: s!.shape[0]! });
          return { launches: [flatLaunch(code, params, [input(0), input(1), output(0)], n, caps)] };
        },
      },
    ],
    cases: [
      [3, 5],
      [40, 7],
    ].map(([M, N]) => ({
      name: `${M}x${N}`,
      inputs: [
        { shape: [M!, N!], dtype: "f32" },
        { shape: [N!], dtype: "f32" },
      ],
      attrs: null,
    })),
  });
  return scaleColumns;
}

/** A layer with a parameter of its own. */
export function gate(width: number): CustomLayer {
  const scaleColumns = scaleColumnsOp();
  return customLayer({
    name: "gate",
    parameters: { scale: { shape: [width], role: "scale" } },
    build: (g, x, { scale }) => g.one(scaleColumns, [x, scale!], null, `gate of ${x.name}`),
  });
}

export const mishLayer = (): CustomLayer => activationLayer(mish());

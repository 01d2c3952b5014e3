import { describe, expect, it } from "vitest";
import { ndarray, zeros } from "../../../src/core/ndarray.ts";
import { uniforms } from "../../../src/core/philox.ts";
import { type Affine, batchNormAffine } from "../../../src/io/net/affine.ts";
import { NetParts } from "../../../src/io/net/net-parts.ts";
import { difference, outputsOf } from "../../shared/outputs.ts";

type Rows = readonly (readonly number[])[];
/** A part of a net, and what it does to a row. */
interface Part {
  readonly add: (parts: NetParts) => void;
  readonly row: (x: readonly number[]) => number[];
}

let seed = 0;
const draw = (count: number, low = -1.5, high = 1.5): Float32Array => uniforms(1, ++seed, 0, count, low, high);

function linear(inputs: number, outputs: number, bias = true): Part {
  const w = ndarray([inputs, outputs], "f32", draw(inputs * outputs));
  const b = bias ? ndarray([outputs], "f32", draw(outputs)) : null;
  return {
    add: (parts) => parts.linear(w, b, "product"),
    row: (x) =>
      Array.from({ length: outputs }, (_, j) =>
        x.reduce((sum, v, i) => sum + v * w.data[i * outputs + j]!, b?.data[j] ?? 0),
      ),
  };
}

function affine(scale: ArrayLike<number>, shift: ArrayLike<number>, where = "batch norm"): Part {
  const a: Affine = { scale: Float64Array.from(scale), shift: Float64Array.from(shift) };
  const of = (values: Float64Array, i: number) => values[values.length === 1 ? 0 : i]!;
  return {
    add: (parts) => parts.affine(a, where),
    row: (x) => x.map((v, i) => v * of(a.scale, i) + of(a.shift, i)),
  };
}
const vector = (size: number): Part => affine(draw(size), draw(size));

function layerNorm(size: number): Part {
  const [scale, shift] = [draw(size), draw(size)];
  return {
    add: (parts) => parts.layerNorm(ndarray([size], "f32", scale), ndarray([size], "f32", shift), 1e-3, "norm"),
    row: (x) => {
      const mean = x.reduce((a, b) => a + b) / size;
      const deviation = Math.sqrt(x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / size + 1e-3);
      return x.map((v, i) => ((v - mean) / deviation) * scale[i]! + shift[i]!);
    },
  };
}
const relu: Part = {
  add: (parts) => parts.add({ type: "relu" }, "relu"),
  row: (x) => x.map((v) => Math.max(v, 0)),
};
const dropout: Part = { add: (parts) => parts.add({ type: "dropout", p: 0.5 }, "dropout"), row: (x) => [...x] };

const built = (list: readonly Part[]) => {
  const parts = new NetParts("test", 2 ** 20);
  for (const part of list) part.add(parts);
  return parts.finish({ loss: "mse" }, null);
};
const types = (list: readonly Part[]): string =>
  built(list)
    .model.layers.map((l) => l.type)
    .join(" ");

async function off(list: readonly Part[], rows: Rows): Promise<number> {
  const { model, weights } = built(list);
  const wanted = rows.flatMap((x) => list.reduce((v: readonly number[], part) => part.row(v), x));
  return difference(await outputsOf(model, weights, rows), wanted);
}
const rowsOf = (width: number, low = -2, high = 2): Rows =>
  Array.from({ length: 5 }, () => [...draw(width, low, high)]);

describe("an affine step of a net that is read", () => {
  it.each<[string, string, readonly Part[]]>([
    ["before the first product", "linear relu linear", [vector(3), linear(3, 4), relu, linear(4, 2)]],
    ["before a product without bias", "linear", [vector(3), linear(3, 4, false)]],
    ["several before it", "linear", [vector(3), affine([2], draw(3)), affine([1], [0.5]), linear(3, 2)]],
    ["right behind a product", "linear relu linear", [linear(3, 4), vector(4), relu, linear(4, 2)]],
    ["right behind one without bias", "linear relu linear", [linear(3, 4, false), vector(4), relu, linear(4, 2)]],
    ["several behind it, at the end", "linear", [linear(3, 4), vector(4), affine([0.5], [3]), vector(4)]],
    ["between two products", "linear linear", [linear(3, 4), vector(4), linear(4, 2)]],
    ["around one product", "linear", [vector(3), linear(3, 2), vector(2)]],
    ["behind an activation", "linear relu linear", [linear(3, 4), relu, vector(4), linear(4, 2)]],
    ["before dropout", "linear relu dropout linear", [linear(3, 4), relu, vector(4), dropout, linear(4, 2)]],
    [
      "around dropout",
      "linear relu dropout dropout linear",
      [linear(3, 4), relu, vector(4), dropout, vector(4), dropout, affine([3], [1]), linear(4, 2)],
    ],
    ["behind dropout", "linear dropout relu linear", [linear(3, 4), dropout, vector(4), relu, linear(4, 2)]],
    [
      "behind a layer normalisation",
      "linear layerNorm relu linear",
      [linear(3, 4), layerNorm(4), vector(4), relu, linear(4, 1)],
    ],
    ["before a layer normalisation", "linear relu linear layerNorm", [linear(3, 4), relu, vector(4), layerNorm(4)]],
    ["between activations", "linear relu linear relu linear", [linear(3, 4), relu, vector(4), relu, linear(4, 2)]],
    [
      "one number between activations",
      "linear relu linear relu",
      [linear(3, 4), relu, affine([2], [-1]), affine([1], [0.5]), relu],
    ],
    ["at the end, behind an activation", "linear relu linear", [linear(3, 4), relu, vector(4)]],
    ["at the beginning, before an activation", "linear relu linear", [affine([0.5], [0.1]), relu, linear(3, 4)]],
    [
      "that changes nothing",
      "linear relu",
      [affine([1], [0]), linear(3, 4), affine([2], [0]), affine([0.5], [0]), relu],
    ],
    ["that forgets its values", "linear linear", [linear(3, 4), affine([0, 0, 1, 2], draw(4)), linear(4, 2)]],
    ["that forgets inputs", "linear", [affine([0, 1, 0], [1, 2, 3]), linear(3, 2)]],
  ])("%s computes the same", async (_, layers, list) => {
    expect(types(list)).toBe(layers);
    expect(await off(list, rowsOf(3))).toBeLessThan(3e-6);
  });

  it("keeps its digits where values lie far from 0, and says what they cost beyond that", async () => {
    // Days as 20240101 that spread by 8: W x + b of values near the mean is the difference of two large numbers.
    const [mean, spread] = [2e7, 200_000];
    const list = [affine([1 / spread], [-mean / spread]), linear(2, 3)];
    const rows = Array.from({ length: 6 }, (_, i) => [mean + i * spread, mean - (i - 3) * spread]);
    expect(await off(list, rows)).toBeLessThan(1e-5);
    expect(built(list).notes.join()).not.toContain("digits");
    const far = [affine([1 / 8], [-mean / 8], "scaler"), linear(2, 3)];
    expect(built(far).notes.join()).toMatch(/scaler: values there lie more than 1000 times .* off in the fourth/);
  });

  it("says where it went", () => {
    const many = Array.from({ length: 7 }, (_, i) => [linear(2, 2), affine([2], [i], `bn${i}`), relu]).flat();
    expect(built(many).notes.join()).toContain("folded into the layers beside: bn0, bn1, bn2, bn3, bn4 and 2 more");
    const alone = [linear(3, 4), relu, affine([2], [1], "scale")];
    expect(built(alone).notes.join()).toContain("scale has become a linear layer of 4 x 4");
  });

  it("is batch norm in inference, with or without its own scale and shift", () => {
    const { scale, shift } = batchNormAffine([2, 3], [0.5, 0], [1, -1], [0.25, 3.99], 0.01);
    expect([...scale]).toEqual([2 / Math.sqrt(0.26), 3 / Math.sqrt(4)]);
    expect([...shift]).toEqual([0.5 - 2 / Math.sqrt(0.26), 1.5]);
    expect(batchNormAffine(null, null, [1], [3], 1)).toEqual({
      scale: Float64Array.of(0.5),
      shift: Float64Array.of(-0.5),
    });
  });

  it.each<[string, readonly Part[], string]>([
    ["of another width before", [vector(3), linear(4, 2)], "batch norm: made for 3 values, but product takes 4"],
    ["of another width behind", [linear(2, 4), vector(3)], "batch norm: made for 3 values, but product gives 4"],
    ["of another width alone", [linear(2, 4), relu, vector(3), relu], "made for 3 values, but there are 4"],
    ["of two widths in a row", [vector(3), vector(2), linear(3, 2)], "made for 3 values and for 2"],
    ["by infinity", [affine([1, Number.POSITIVE_INFINITY], [0]), linear(2, 2)], "it multiplies value 1 by Infinity"],
    ["adding NaN", [affine([1], [Number.NaN]), linear(2, 2)], "it adds NaN to value 0"],
    [
      "too large for f32",
      [affine([1e30], [0], "huge"), affine([1e30], [0]), linear(2, 2)],
      "with huge, batch norm: the weight holds",
    ],
    [
      "too wide to stand alone",
      [linear(2, 600), relu, affine([2], [0], "scale"), relu],
      "scale: no linear layer stands beside it",
    ],
  ])("is refused: %s", (_, list, message) => {
    expect(() => built(list)).toThrow(message);
  });

  it("takes the width of its file where no layer tells it, and is refused where nothing does", () => {
    const double: Affine = { scale: Float64Array.of(2), shift: Float64Array.of(1) };
    const net = (width?: number) => {
      const parts = new NetParts("test", 1000);
      parts.affine(double, "scale", width);
      parts.add({ type: "relu" }, "relu");
      return parts.finish({ loss: "mse" }, null).model.layers;
    };
    expect(net(3)[0]).toEqual({ type: "linear", in: 3, out: 3, bias: true });
    expect(() => net()).toThrow("scale: how many values it has is not known");
  });

  it("leaves arrays that several layers share as they were", () => {
    const w = ndarray([1, 1], "f32", [3]);
    const parts = new NetParts("test", 1000);
    parts.linear(w, null, "one");
    parts.affine({ scale: Float64Array.of(2), shift: Float64Array.of(0) }, "double");
    parts.linear(w, zeros([1], "f32"), "two");
    const { weights } = parts.finish({ loss: "mse" }, null);
    expect([...weights].map(([name, { data }]) => `${name} ${data[0]}`)).toEqual([
      "0.weight 6",
      "1.weight 3",
      "1.bias 0",
    ]);
  });
});

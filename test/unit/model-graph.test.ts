import { describe, expect, test } from "vitest";
import {
  adaptiveAvgPool2d,
  conv1d,
  conv2d,
  convTranspose2d,
  flatten,
  type LayerItem,
  linear,
  type ModelSpec,
  maxout,
  maxPool2d,
  pad,
  parseModel,
  permute,
  reshape,
  sequential,
  upsample,
} from "../../src/index.ts";
import { weightSpecs } from "../../src/nn/parameter-specs.ts";
import { shapesOf } from "../../src/nn/shapes.ts";

const image = (...shape: number[]) => ({ input: shape, loss: "mse" }) as const;
const shapesIn = (model: ModelSpec) => shapesOf(model).shapes;

describe("a model file with shapes, names and wiring", () => {
  const file = {
    input: [1, 28, 28],
    layers: [
      { type: "conv2d", in: 1, out: 8, kernel: 3, padding: 1 },
      { type: "batchNorm", size: 8 },
      { type: "relu", name: "stem" },
      { type: "conv2d", in: 8, out: 8, kernel: 3, padding: 1, bias: false, name: "block.conv" },
      { type: "add", from: ["stem", "block.conv"] },
      { type: "adaptiveAvgPool2d", out: 1 },
      { type: "flatten" },
      { type: "linear", in: 8, out: 10, name: "head" },
    ],
    loss: "crossEntropy",
  };

  test("knows what goes through it, and what each layer reads", () => {
    const { shapes, sources } = shapesOf(parseModel(file));
    expect(shapes).toEqual([[8, 28, 28], [8, 28, 28], [8, 28, 28], [8, 28, 28], [8, 28, 28], [8, 1, 1], [8], [10]]);
    expect(sources).toEqual([[-1], [0], [1], [2], [2, 3], [4], [5], [6]]);
  });

  test("names its arrays as a PyTorch state_dict does, statistics behind parameters", () => {
    expect(weightSpecs(parseModel(file)).map(({ name, shape }) => [name, shape])).toEqual([
      ["0.weight", [8, 1, 3, 3]],
      ["0.bias", [8]],
      ["1.weight", [8]],
      ["1.bias", [8]],
      ["1.running_mean", [8]],
      ["1.running_var", [8]],
      ["1.num_batches_tracked", [1]],
      ["block.conv.weight", [8, 8, 3, 3]],
      ["head.weight", [8, 10]],
      ["head.bias", [10]],
    ]);
  });

  test("is plain data, and reads back as it was", () => {
    const model = parseModel(file);
    expect(parseModel(JSON.parse(JSON.stringify(model)))).toEqual(model);
  });

  test("without a shape stays what it was: the first width is the input's", () => {
    const old = parseModel({ layers: [{ type: "relu" }, { type: "linear", in: 4, out: 3 }], loss: "mse" });
    expect(old).not.toHaveProperty("input");
    expect(shapesOf(old).input).toEqual([4]);
  });

  const from = (layers: unknown[], input: number[] = [2, 4, 4]) => ({ input, layers, loss: "mse" });
  const conv = (more: object = {}) => ({ type: "conv2d", in: 2, out: 2, kernel: 3, padding: 1, ...more });
  test.each<[string, unknown, RegExp]>([
    [
      "a name that is nowhere",
      from([conv(), { type: "add", from: ["0", "nope"] }]),
      /layer 1 \(add\): "from" names "nope"/,
    ],
    [
      "a later layer",
      from([conv({ from: "late" }), conv({ name: "late" })]),
      /"from" names "late", and no layer before it/,
    ],
    ["itself", from([conv({ name: "me", from: "me" })]), /"from" names "me"/],
    ["two names alike", from([conv({ name: "a" }), conv({ name: "a" })]), /layer 1 .*layer 0 is called "a" too/],
    ["a name that is another's index", from([conv(), conv({ name: "0" })]), /layer 0 is called "0" too/],
    ["the name of the input", from([conv({ name: "input" })]), /the model's input is called "input"/],
    ["a name with spaces", from([conv({ name: "a b" })]), /"name" must be letters, digits/],
    ["two values for one", from([conv(), conv({ from: ["input", "0"] })]), /"from" names 2 values, it takes one/],
    ["one value for two", from([conv(), { type: "add", from: ["0"] }]), /"from" names 1 values, it takes two or more/],
    ["no values for two", from([conv(), { type: "add" }]), /layer 1 \(add\): "from" must name/],
    [
      "sums of different shapes",
      from([conv({ padding: 0 }), { type: "add", from: ["0", "input"] }]),
      /layer 1 \(add\) takes values of one shape, but what it reads is \[2, 2, 2\] and \[2, 4, 4\]/,
    ],
    [
      "channels that do not fit",
      from([conv(), conv({ in: 3 })]),
      /layer 1 \(conv2d\) takes \[3, height, width\], but the layer before it gives \[2, 4, 4\]/,
    ],
    [
      "channels of the input",
      from([conv({ in: 3 })]),
      /layer 0 \(conv2d\) takes \[3, height, width\], but the model's input is \[2, 4, 4\]/,
    ],
    [
      "a kernel beyond the padded input",
      from([conv({ kernel: 7, padding: 1 })]),
      /layer 0 \(conv2d\) takes 7 places or more on axis 1/,
    ],
    ["dilation beyond it", from([conv({ dilation: 3, padding: 1 })]), /takes 7 places or more/],
    [
      "groups that do not divide",
      from([conv({ groups: 3 })]),
      /"groups" must divide "in" and "out", and 3 does not divide 2/,
    ],
    [
      "same padding with a stride",
      from([conv({ padding: "same", stride: 2 })]),
      /"same" keeps the places, which takes stride 1/,
    ],
    ["three kernel sizes", from([conv({ kernel: [1, 2, 3] })]), /"kernel" must be a number, or a list of 2/],
    ["no kernel", from([{ type: "conv2d", in: 2, out: 2 }]), /"kernel" must be a whole number from 1/],
    [
      "pooling padded too far",
      from([conv(), { type: "maxPool2d", kernel: 2, padding: 2 }]),
      /"padding" must be at most half the kernel, got 2/,
    ],
    [
      "pooling wider than its input",
      from([conv(), { type: "avgPool2d", kernel: 5 }]),
      /takes more places on axis 1: its window is 5 wide/,
    ],
    [
      "no shape of the input",
      { layers: [conv()], loss: "mse" },
      /"input" is missing, the shape of a row such as \[1, 28, 28\]/,
    ],
    ["a wrong shape of it", from([conv()], [0]), /"input" must be the shape of one row/],
    [
      "a batch norm of other channels",
      from([conv(), { type: "batchNorm", size: 3 }]),
      /takes 3 channels on the first axis, but the layer before it gives \[2, 4, 4\]/,
    ],
    [
      "a shape of other size",
      from([conv(), { type: "reshape", shape: [5, 5] }]),
      /takes 25 values, for its shape \[5, 5\]/,
    ],
    [
      "an order that skips an axis",
      from([conv(), { type: "permute", order: [0, 1, 3] }]),
      /"order" must hold each axis of a row once/,
    ],
    [
      "concat of other places",
      from([conv({ padding: 0 }), { type: "concat", from: ["0", "input"] }]),
      /differ on axis 0 alone/,
    ],
    [
      "group norm of one value",
      from(
        [
          { type: "linear", in: 4, out: 4 },
          { type: "groupNorm", groups: 4, size: 4 },
        ],
        [4],
      ),
      /two values a group or more/,
    ],
    [
      "reflection further than there is",
      from([conv(), { type: "pad", amounts: 4, mode: "reflect" }]),
      /more than 4 places on axis 1/,
    ],
    [
      "output padding of a whole stride",
      from([{ type: "convTranspose2d", in: 2, out: 2, kernel: 3, outputPadding: 1 }]),
      /"outputPadding" must be smaller than the stride/,
    ],
    [
      "a linear layer over other widths",
      from([conv(), { type: "linear", in: 5, out: 1 }]),
      /takes 5 on the last axis, but the layer before it gives \[2, 4, 4\]/,
    ],
    [
      "values beyond any device",
      from([{ type: "upsample", scale: 40000 }, conv()]),
      /more values than a device can index/,
    ],
  ])("%s is refused by the layer's name", (_what, model, message) => {
    expect(() => parseModel(model)).toThrow(message);
    expect(() => parseModel(model)).toThrow(expect.objectContaining({ code: "model" }));
  });
});

describe("shapes of layers", () => {
  const shapeAfter = (input: number[], ...layers: LayerItem[]) =>
    shapesIn(sequential([...layers, flatten(), linear(1)], image(...input))).at(-3);

  test.each<[string, number[], LayerItem, number[]]>([
    ["a kernel takes its size less one", [1, 28, 28], conv2d(8, 3), [8, 26, 26]],
    ["strides round down", [1, 28, 27], conv2d(8, 3, { stride: 2 }), [8, 13, 13]],
    ["a size for each dimension", [3, 10, 12], conv2d(4, [3, 5], { stride: [1, 2], padding: [0, 2] }), [4, 8, 6]],
    ["same keeps places, even kernels too", [2, 7, 9], conv2d(4, 4, { padding: "same" }), [4, 7, 9]],
    ["signals", [2, 17], conv1d(3, 5, { dilation: 2 }), [3, 9]],
    [
      "transposed turns a stride back",
      [4, 7, 7],
      convTranspose2d(2, 3, { stride: 2, padding: 1, outputPadding: 1 }),
      [2, 14, 14],
    ],
    ["pools lie side by side", [4, 9, 9], maxPool2d(2), [4, 4, 4]],
    ["ceil takes the rest", [4, 9, 9], maxPool2d(2, { ceil: true }), [4, 5, 5]],
    [
      "but no window that begins in the padding",
      [1, 3, 3],
      maxPool2d(2, { stride: 3, padding: 1, ceil: true }),
      [1, 2, 2],
    ],
    ["a mean of each channel", [4, 9, 7], adaptiveAvgPool2d(1), [4, 1, 1]],
    ["channels last", [4, 9, 7], permute([1, 2, 0]), [9, 7, 4]],
    ["another shape", [4, 9, 2], reshape([6, 12]), [6, 12]],
    ["twice as many places", [4, 3, 5], upsample([2, 3]), [4, 6, 15]],
    [
      "uneven borders",
      [4, 3, 5],
      pad([
        [1, 0],
        [0, 2],
      ]),
      [4, 4, 7],
    ],
    ["fewer channels", [6, 3], maxout(3), [2, 3]],
  ])("%s", (_what, input, layer, shape) => {
    expect(shapeAfter(input, layer)).toEqual(shape);
  });
});

// One table of nodes that are refused, a line or two each: so longer than a file should be.
import { describe, expect, it } from "vitest";
import { readOnnx } from "../../../src/io/onnx/read.ts";
import { DATA_TYPE } from "../../../src/io/onnx/schema.ts";
import { by, matmul, onnxFile, type TestFile, type TestNode, type TestTensor, w } from "./onnx-file.ts";

/** A product, and one node more behind it. */
const behind = (node: Partial<TestNode>, tensors: readonly TestTensor[] = []): TestFile => ({
  nodes: [matmul, { op: "Relu", inputs: ["h"], outputs: ["y"], name: "last", ...node }],
  tensors: [w, ...tensors],
});
/** A layer normalisation of single ops, with one of them changed. */
const normalised = ({ mean = "m", axis = -1, power = 2 }): TestFile => ({
  nodes: [
    matmul,
    { op: "Relu", inputs: ["x"], outputs: ["h2"] },
    { op: "ReduceMean", inputs: ["h", "axis"], outputs: ["m"] },
    { op: "Sub", inputs: ["h", mean], outputs: ["c"] },
    { op: "Pow", inputs: ["c", "power"], outputs: ["q"] },
    { op: "ReduceMean", inputs: ["q", "axis"], outputs: ["v"] },
    { op: "Add", inputs: ["v", "eps"], outputs: ["a"] },
    { op: "Sqrt", inputs: ["a"], outputs: ["r"] },
    { op: "Div", inputs: ["c", "r"], outputs: ["y"] },
  ],
  tensors: [
    w,
    { name: "power", dims: [], floats: [power] },
    { name: "eps", dims: [], floats: [0.25] },
    { name: "axis", dims: [1], type: DATA_TYPE.int64, raw: new Uint8Array(new BigInt64Array([BigInt(axis)]).buffer) },
  ],
  opset: 18,
});

describe("an ONNX file that is no net of layers known here", () => {
  it("is read where it is one", () => {
    expect(readOnnx(onnxFile(behind({}))).model.layers).toHaveLength(2);
    const norm = normalised({});
    const { layers } = readOnnx(
      onnxFile({ ...norm, nodes: norm.nodes.filter(({ outputs }) => outputs[0] !== "h2") }),
    ).model;
    expect(layers[1]).toEqual({ type: "layerNorm", size: 2, eps: 0.25 });
  });

  it.each<[string, TestFile, string]>([
    ["an unknown op", behind({ op: "Unique" }), 'node "last" (Unique) is not known here'],
    ["an op of another domain", behind({ domain: "com.example" }), 'node "last" (com.example:Relu) is not known'],
    ["a name that objects have", behind({ op: "constructor" }), 'node "last" (constructor) is not known here'],
    ["another approximation of GELU", behind({ op: "Gelu", texts: { approximate: "erf" } }), 'the approximation "erf"'],
    ["softsign", behind({ op: "Softsign" }), "tanh bends alike"],
    [
      "a clip to nothing",
      behind({ op: "Clip", floats: { min: 1, max: 1 } }),
      "clips to [1, 1], which leaves nothing between",
    ],
    ["a clip far from 0", behind({ op: "Clip", floats: { min: -65504, max: 65504 } }), "ends lie within 100 of 0"],
    ["CELU without a bend", behind({ op: "Celu", floats: { alpha: 0 } }), "its alpha must be above 0"],
    ["the larger of values and many numbers", behind({ op: "Max", inputs: ["h", "w"] }), '"w" must be one number'],
    ["a convolution of rows", behind({ op: "Conv", inputs: ["h", "w"] }), "a weight of [2, 2] over 0 dimensions"],
    ["a softmax along the batch", behind({ op: "Softmax", integers: { axis: 0 } }), "works along axis 0"],
    ["a batch turned around", behind({ op: "Gemm", inputs: ["h", "w"], integers: { transA: 1 } }), "transA"],
    ["a weight that is no constant", behind({ op: "MatMul", inputs: ["h", "x"] }), "multiplied with each other"],
    ["a product from the left", behind({ op: "MatMul", inputs: ["w", "h"] }), "must be its first input"],
    ["a weight that is missing", behind({ op: "MatMul", inputs: ["h"] }), "it has no weight"],
    [
      "a reshape of rows into others",
      behind({ op: "Reshape", inputs: ["h", "s"] }, [
        { name: "s", dims: [2], type: DATA_TYPE.int64, raw: new Uint8Array(new BigInt64Array([-1n, 4n]).buffer) },
      ]),
      "reshapes to [-1, 4]",
    ],
    ["a flatten of everything", behind({ op: "Flatten", integers: { axis: 0 } }), "flattens from axis 0"],
    [
      "a convolution by one number, and what it gives reshaped",
      {
        nodes: [
          matmul,
          { op: "Conv", inputs: ["h", "s"], outputs: ["c"], name: "last" },
          { op: "Reshape", inputs: ["c"], outputs: ["y"] },
        ],
        tensors: [w, { name: "s", dims: [] }],
      },
      'node "last" (Conv)',
    ],
    [
      "a list of -1 numbers",
      {
        nodes: [
          matmul,
          { op: "ConstantOfShape", inputs: ["s"], outputs: ["c"], name: "list" },
          { op: "Reshape", inputs: ["h", "c"], outputs: ["y"] },
        ],
        tensors: [
          w,
          { name: "s", dims: [1], type: DATA_TYPE.int64, raw: new Uint8Array(new BigInt64Array([-1n]).buffer) },
        ],
      },
      "reshapes to [0]",
    ],
    [
      "a shape beside a constant",
      {
        nodes: [
          matmul,
          { op: "Relu", inputs: ["h"], outputs: ["a"] },
          { op: "Shape", inputs: ["a"], outputs: ["b"] },
          { op: "Concat", inputs: ["b", "w"], outputs: ["c"], name: "last" },
          { op: "Relu", inputs: ["c"], outputs: ["y"] },
        ],
        tensors: [w],
      },
      'node "last" (Concat): joins what is neither computed nor constant',
    ],
    ...["Sub", "Mul", "Add", "Div"].map((op): [string, TestFile, string] => [
      `${op} of one branch`,
      {
        nodes: [
          matmul,
          { op: "Relu", inputs: ["h"], outputs: ["a"] },
          { op, inputs: ["a"], outputs: ["b"], name: "last" },
          { op: "Sum", inputs: ["h", "b"], outputs: ["y"] },
        ],
        tensors: [w],
      },
      "takes two inputs, has 1",
    ]),
    [
      "a quotient of branches",
      {
        nodes: [
          matmul,
          { op: "Relu", inputs: ["h"], outputs: ["a"] },
          { op: "Tanh", inputs: ["h"], outputs: ["b"] },
          { op: "Div", inputs: ["a", "b"], outputs: ["y"] },
        ],
        tensors: [w],
      },
      "divides values that the net computes by each other",
    ],
    [
      "a power of itself",
      { nodes: [matmul, { op: "Pow", inputs: ["h", "h"], outputs: ["y"] }], tensors: [w] },
      "(Pow) is not known here",
    ],
    [
      "a node aside",
      { ...behind({}), nodes: [...behind({}).nodes, { op: "Sin", inputs: ["x2"], outputs: ["z"], name: "aside" }] },
      'node "aside" (Sin) uses "x2", which nothing before it gives',
    ],
    ["a mean along the batch", normalised({ axis: 0 }), "over the axes 0 of [batch, 2]"],
    ["a cube for a square", normalised({ power: 3 }), "over the axes 1 of [batch, 2]"],
    ["an output that nothing gives", { nodes: [matmul], tensors: [w] }, 'no node gives the output "y"'],
    [
      "two inputs",
      {
        ...behind({}),
        inputs: [
          ["x", 2],
          ["z", 2],
        ],
      },
      'one input, but has 2: "x", "z"',
    ],
    ["no output", { ...behind({}), outputs: [] }, "one output, but has 0"],
    [
      "a value made twice",
      { nodes: [matmul, { ...matmul }], tensors: [w] },
      'gives the value "h", which there is already',
    ],
    ["a circle", { nodes: [{ op: "Relu", inputs: ["x"], outputs: ["x"] }], tensors: [w] }, 'gives the value "x"'],
    ["an old opset", { ...behind({}), opset: 6 }, "uses opset 6"],
    ["a future opset", { ...behind({}), opset: 99 }, "uses opset 99"],
    ["nothing to train", { nodes: [{ op: "Relu", inputs: ["x"], outputs: ["y"] }] }, "nothing to train"],
    [
      "widths that do not fit",
      behind({ op: "MatMul", inputs: ["h", "v"] }, [{ name: "v", dims: [3, 1] }]),
      "takes 3 values, but it is given 2",
    ],
    ["an input that does not fit", { ...by({}), inputs: [["x", 5]] }, "takes 2 values, but it is given 5"],
    ["a dropout of everything", behind({ op: "Dropout", floats: { ratio: 1 } }), '"p" must be at least 0 and below 1'],
    [
      "a weight of three dimensions",
      by({ dims: [2, 1, 2] }),
      "its weight must be a matrix of floats, but is [2, 1, 2]",
    ],
    ["a weight of integers", by({ type: DATA_TYPE.int32, raw: new Uint8Array(16) }), "must be a matrix of floats"],
    [
      "a bias of another size",
      behind({ op: "Add", inputs: ["h", "b"] }, [{ name: "b", dims: [3] }]),
      "expected 2 floats, or one, but got [3]",
    ],
    ["a weight that is not finite", by({ floats: [1, 2, Number.NaN, 4] }), "the weight holds NaN at 2"],
    [
      "a sum that follows no product",
      behind({ op: "Add", inputs: ["r", "b"], outputs: ["y"] }, [{ name: "b", dims: [2] }]),
      'uses "r", which nothing before it gives',
    ],
  ])("is refused: %s", (_, file, message) => {
    expect(() => readOnnx(onnxFile(file))).toThrow(message);
  });
});

/** A node over images [2, 4, 3], behind a convolution of one place. */
const over = (node: Partial<TestNode>, tensors: readonly TestTensor[] = []): TestFile => ({
  nodes: [
    { op: "Conv", inputs: ["x", "k"], outputs: ["h"], name: "first" },
    { op: "Relu", inputs: ["h"], outputs: ["y"], name: "last", ...node },
  ],
  tensors: [{ name: "k", dims: [2, 2, 1, 1] }, ...tensors],
  inputs: [["x", 2, 4, 3]],
});
const wholes = (name: string, ...values: number[]): TestTensor => ({
  name,
  dims: [values.length],
  type: DATA_TYPE.int64,
  raw: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
});
const scales: TestTensor = { name: "s", dims: [4], floats: [1, 1, 2, 2] };
const kernel = { lists: { kernel_shape: [2, 2] } };

describe("an ONNX file over images that no layers here compute", () => {
  it("is read where they do", () => {
    expect(readOnnx(onnxFile(over({})), { loss: "mse" }).model.layers).toHaveLength(2);
  });

  it.each<[string, TestFile, string]>([
    [
      "an unknown op",
      over({ op: "GridSample" }),
      'node "last" (GridSample) is not known here: no layer here computes it',
    ],
    [
      "an open size",
      { ...over({}), inputs: [["x", 2, 0, 3]] },
      '"x" has the shape [batch, 2, ?, 3]; here a net is made for one',
    ],
    ["columns first", over({ op: "MaxPool", ...kernel, integers: { storage_order: 1 } }), "storage_order 1"],
    ["places of the largest", over({ op: "MaxPool", ...kernel, outputs: ["y", "at"] }), "it also gives places"],
    [
      "an average with gaps",
      over({ op: "AveragePool", lists: { ...kernel.lists, dilations: [2, 1] } }),
      "with dilations",
    ],
    [
      "uneven padding of largest values that may be below 0",
      over({ op: "MaxPool", lists: { ...kernel.lists, pads: [0, 0, 1, 1] } }),
      'node "last" (MaxPool): pads [0, 1], [0, 1] before and behind',
    ],
    [
      "corners that are aligned",
      over(
        {
          op: "Resize",
          inputs: ["h", "", "s"],
          texts: { mode: "linear", coordinate_transformation_mode: "align_corners" },
        },
        [scales],
      ),
      "the coordinates align_corners; here nearest, and bilinear of half_pixel",
    ],
    [
      "cubes between places",
      over({ op: "Resize", inputs: ["h", "", "s"], texts: { mode: "cubic" } }, [scales]),
      'the mode "cubic"',
    ],
    [
      "half as many places",
      over({ op: "Resize", inputs: ["h", "", "s"] }, [{ ...scales, floats: [1, 1, 0.5, 1] }]),
      "here places alone grow, by whole numbers",
    ],
    [
      "padding with ones",
      over({ op: "Pad", inputs: ["h", "p", "o"] }, [
        wholes("p", 0, 0, 1, 1, 0, 0, 1, 1),
        { name: "o", dims: [], floats: [1] },
      ]),
      "fills with 1",
    ],
    [
      "padding at the edge",
      over({ op: "Pad", inputs: ["h", "p"], texts: { mode: "edge" } }, [wholes("p", 0, 0, 1, 1, 0, 0, 1, 1)]),
      'the mode "edge"',
    ],
    [
      "more places taken away than there are",
      over({ op: "Pad", inputs: ["h", "p"] }, [wholes("p", 0, 0, -4, 0, 0, 0, 0, 0)]),
      "to take 4 away",
    ],
    [
      "a factor for every number",
      over({ op: "Mul", inputs: ["h", "c"] }, [{ name: "c", dims: [2, 4, 3] }]),
      "one for each place along one axis",
    ],
    [
      "a batch that is moved",
      over({ op: "Transpose", lists: { perm: [1, 0, 2, 3] } }),
      "whose rows do not stand first",
    ],
    ["a mean of some places", over({ op: "ReduceMean", lists: { axes: [3] } }), "over the axes 3 of [batch, 2, 4, 3]"],
    ["rows joined", over({ op: "Concat", inputs: ["h", "x"], integers: { axis: 0 } }), "its axis is the batch's"],
    [
      "slopes of their own for each place",
      over({ op: "PRelu", inputs: ["h", "c"] }, [{ name: "c", dims: [2, 4, 3] }]),
      "here one, or one a channel",
    ],
    [
      "statistics of the batch",
      over({ op: "BatchNormalization", inputs: ["h", "v", "v", "v", "v"], integers: { training_mode: 1 } }, [
        { name: "v", dims: [2] },
      ]),
      "model.eval()",
    ],
    [
      "statistics of the batch, as they were given before opset 14",
      {
        ...over({ op: "BatchNormalization", inputs: ["h", "v", "v", "v", "v"], outputs: ["y", "mean", "variance"] }, [
          { name: "v", dims: [2] },
        ]),
        opset: 9,
      },
      "model.eval()",
    ],
    [
      "a kernel larger than its image",
      over({ op: "Conv", inputs: ["h", "w"] }, [{ name: "w", dims: [1, 2, 5, 1] }]),
      'node "last" (Conv) takes 5 places or more',
    ],
  ])("is refused: %s", (_, file, message) => {
    expect(() => readOnnx(onnxFile(file), { loss: "mse" })).toThrow(message);
  });
});

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Message } from "../../../src/io/onnx/protobuf.ts";
import { openOnnx, readOnnx } from "../../../src/io/onnx/read.ts";
import { DATA_TYPE, ENTRY, GRAPH, MODEL, OPSET, TENSOR } from "../../../src/io/onnx/schema.ts";
import { onnxFile, type TestFile, type TestNode, type TestTensor } from "./onnx-file.ts";

const w: TestTensor = { name: "w", dims: [2, 2] };
const matmul: TestNode = { op: "MatMul", inputs: ["x", "w"], outputs: ["h"], name: "product" };
/** A product, and one node more behind it. */
const behind = (node: Partial<TestNode>, tensors: readonly TestTensor[] = []): TestFile => ({
  nodes: [matmul, { op: "Relu", inputs: ["h"], outputs: ["y"], name: "last", ...node }],
  tensors: [w, ...tensors],
});
/** A product by this tensor. */
const by = (change: Partial<TestTensor>): TestFile => ({
  nodes: [{ ...matmul, outputs: ["y"] }],
  tensors: [{ ...w, ...change }],
});

/** The same, with its values in another file. */
const elsewhere = (told: Readonly<Record<string, string>>): TestFile =>
  by({
    raw: new Uint8Array(0),
    more: (message) => {
      message.integer(TENSOR.dataLocation, 1);
      for (const [key, value] of Object.entries(told)) {
        message.message(TENSOR.externalData, new Message().text(ENTRY.key, key).text(ENTRY.value, value));
      }
    },
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

describe("an ONNX file that is not a chain of layers known here", () => {
  it("is read where it is one", () => {
    expect(readOnnx(onnxFile(behind({}))).model.layers).toHaveLength(2);
    const norm = normalised({});
    const { layers } = readOnnx(
      onnxFile({ ...norm, nodes: norm.nodes.filter(({ outputs }) => outputs[0] !== "h2") }),
    ).model;
    expect(layers[1]).toEqual({ type: "layerNorm", size: 2, eps: 0.25 });
  });

  it.each<[string, TestFile, string]>([
    ["an unknown op", behind({ op: "Conv" }), 'node "last" (Conv) is not known here'],
    ["an op of another domain", behind({ domain: "com.example" }), 'node "last" (com.example:Relu) is not known'],
    ["a name that objects have", behind({ op: "constructor" }), 'node "last" (constructor) is not known here'],
    ["the approximation of GELU", behind({ op: "Gelu", texts: { approximate: "tanh" } }), 'the approximation "tanh"'],
    ["a softmax along the batch", behind({ op: "Softmax", integers: { axis: 0 } }), "works along axis 0"],
    ["a batch turned around", behind({ op: "Gemm", inputs: ["h", "w"], integers: { transA: 1 } }), "transA"],
    ["a weight that is no constant", behind({ op: "MatMul", inputs: ["h", "x"] }), "use the same value"],
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
      "a layer behind a log-softmax",
      {
        nodes: [
          { ...matmul },
          { op: "LogSoftmax", inputs: ["h"], outputs: ["l"], integers: { axis: -1 } },
          { op: "Relu", inputs: ["l"], outputs: ["y"] },
        ],
        tensors: [w],
      },
      "can only be the last layer",
    ],
    [
      "a branch",
      {
        nodes: [
          matmul,
          { op: "Relu", inputs: ["h"], outputs: ["a"] },
          { op: "Tanh", inputs: ["h"], outputs: ["b"] },
          { op: "Add", inputs: ["a", "b"], outputs: ["y"] },
        ],
        tensors: [w],
      },
      "together they are no activation known here",
    ],
    [
      "a sum with itself",
      { nodes: [matmul, { op: "Add", inputs: ["h", "h"], outputs: ["y"] }], tensors: [w] },
      "(Add)",
    ],
    [
      "a node aside",
      { ...behind({}), nodes: [...behind({}).nodes, { op: "Sin", inputs: ["x2"], outputs: ["z"], name: "aside" }] },
      'node "aside" (Sin) uses "x2", which nothing before it gives',
    ],
    ["a mean of other values", normalised({ mean: "h2" }), "together they are no activation"],
    ["a mean along the batch", normalised({ axis: 0 }), "together they are no activation"],
    ["a cube for a square", normalised({ power: 3 }), "together they are no activation"],
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

describe("a hostile ONNX file", () => {
  it.each<[string, TestFile, string]>([
    [
      "data beyond its dimensions",
      by({ raw: new Uint8Array(20) }),
      "float [2, 2] needs 4 values, but its data holds 5",
    ],
    ["data cut short", by({ floats: [1, 2, 3] }), "needs 4 values, but its data holds 3"],
    ["dimensions beyond 2^400", by({ dims: Array(8).fill(2 ** 52), raw: new Uint8Array(16) }), "but its data holds 4"],
    [
      "a negative dimension",
      by({ dims: [-2, -2], raw: new Uint8Array(16) }),
      "every dimension must be a whole number from 1",
    ],
    ["a dimension of 0", by({ dims: [0, 2], raw: new Uint8Array(0) }), "every dimension must be a whole number from 1"],
    ["nine dimensions", by({ dims: Array(9).fill(1) }), "more than 8 dimensions"],
    ["a text", by({ type: 8 }), "has the data type 8"],
    ["no data type", by({ type: 0 }), "has the data type 0"],
    ["data elsewhere", by({ more: (m) => m.integer(TENSOR.dataLocation, 1) }), "does not say in which"],
    ["segments", by({ more: (m) => m.message(TENSOR.segment, new Message()) }), "stored in segments"],
    ["two of one name", { ...by({}), tensors: [w, w] }, 'the initializer "w" occurs twice'],
    [
      "thousands of nodes",
      { nodes: Array.from({ length: 10_001 }, () => matmul), tensors: [w] },
      "more than 10000 nodes",
    ],
    [
      "thousands of layers",
      {
        nodes: Array.from({ length: 1001 }, (_, i) => ({
          op: "Relu",
          inputs: [i === 0 ? "x" : `v${i - 1}`],
          outputs: [i === 1000 ? "y" : `v${i}`],
        })),
      },
      "1001 layers, more than 1000",
    ],
  ])("is refused: %s", (_, file, message) => {
    expect(() => readOnnx(onnxFile(file))).toThrow(message);
  });

  it.each<[string, Readonly<Record<string, string>>, string]>([
    ["an absolute path", { location: "/etc/passwd" }, 'lies in the file "/etc/passwd"; only files beside the model'],
    ["a path out of the folder", { location: "../w.data" }, "only files beside the model are read"],
    ["a path out of a folder below", { location: "a/../../w.data" }, "only files beside the model are read"],
    ["a drive", { location: "C:w.data" }, "only files beside the model are read"],
    ["another system's path", { location: "..\\w.data" }, "only files beside the model are read"],
    ["the folder itself", { location: "." }, "only files beside the model are read"],
    ["a name of nothing", { location: "w\0.data" }, "only files beside the model are read"],
    ["a name without end", { location: "w".repeat(2000) }, "only files beside the model are read"],
    ["no file", { offset: "0" }, "does not say in which"],
    ["a negative offset", { location: "w.data", offset: "-16" }, 'its offset in "w.data" is "-16", no number of bytes'],
    ["an offset beyond all numbers", { location: "w.data", offset: "9".repeat(16) }, "no number of bytes"],
    ["a length of words", { location: "w.data", length: "all" }, "no number of bytes"],
    ["a length that is not the array's", { location: "w.data", length: "12" }, "needs 16 bytes, but the file says"],
    [
      "more than the file has",
      { location: "w.data", offset: "8" },
      '"w" lies at 8 to 24 of "w.data", which has 20 bytes',
    ],
    ["a file that is not there", { location: "v.data" }, 'the file "v.data", which holds "w", is needed beside it'],
  ])("is refused when its arrays lie in %s", (_, told, message) => {
    const files = new Map([["w.data", new Uint8Array(20)]]);
    expect(() => openOnnx(onnxFile(elsewhere(told))).net(files)).toThrow(message);
  });

  it("is read with what it names, whatever it says of a checksum, from where it says", () => {
    const opened = openOnnx(onnxFile(elsewhere({ location: "./w.data", offset: "4", checksum: "none" })));
    expect(opened.files).toEqual(["w.data"]);
    const data = new Uint8Array(Float32Array.of(9, 1, 2, 3, 4).buffer);
    expect([...opened.net(new Map([["w.data", data]])).weights.get("0.weight")!.data]).toEqual([1, 2, 3, 4]);
  });

  it("is refused when nodes make arrays of others until they are far larger than the file", () => {
    const nodes: TestNode[] = [
      ...Array.from({ length: 30 }, (_, i) => ({ op: "Add", inputs: ["row", "column"], outputs: [`sum${i}`] })),
      { op: "MatMul", inputs: ["x", "sum29"], outputs: ["y"] },
    ];
    const tensors = [
      { name: "row", dims: [1, 300] },
      { name: "column", dims: [300, 1] },
    ];
    expect(() => readOnnx(onnxFile({ nodes, tensors }))).toThrow("are far larger than the file");
  });

  it("is refused when a constant is turned around for ever", () => {
    const whole = {
      name: "two",
      dims: [2],
      type: DATA_TYPE.int64,
      raw: new Uint8Array(new BigInt64Array(2).fill(2n).buffer),
    };
    const turns = Array.from({ length: 3000 }, (_, i): TestNode[] => [
      { op: "Transpose", inputs: [i === 0 ? "w" : `r${i - 1}`], outputs: [`t${i}`] },
      { op: "Reshape", inputs: [`t${i}`, "two"], outputs: [`r${i}`] },
    ]);
    const nodes = [...turns.flat(), { op: "MatMul", inputs: ["x", "r2999"], outputs: ["y"] }];
    expect(() => readOnnx(onnxFile({ nodes, tensors: [w, whole] }))).toThrow("turned around more than 50 times");
  });

  it.each(["Gather", "Mul", "Sub", "Slice", "Reshape", "Concat", "Squeeze", "Cast"])(
    "is refused when %s of a shape lacks what it needs",
    (op) => {
      const nodes: TestNode[] = [
        { op: "Shape", inputs: ["x"], outputs: ["s"] },
        { op, inputs: ["s"], outputs: ["t"] },
        { op: "Reshape", inputs: ["x", "t"], outputs: ["r"] },
        { op: "MatMul", inputs: ["r", "w"], outputs: ["y"] },
      ];
      // A list by itself, or cast, is the value's own shape again.
      const read = () => readOnnx(onnxFile({ nodes, tensors: [w] }));
      if (op === "Concat" || op === "Cast") expect(read().model.layers).toHaveLength(1);
      else expect(read).toThrow("reshapes to a computed shape");
    },
  );

  it("is refused when layers share an array until they are far larger than the file", () => {
    const size = 100;
    const nodes = Array.from({ length: 500 }, (_, i) => ({
      op: "MatMul",
      inputs: [i === 0 ? "x" : `v${i - 1}`, "w"],
      outputs: [i === 499 ? "y" : `v${i}`],
    }));
    const tensors = [{ name: "w", dims: [size, size] }];
    expect(() => readOnnx(onnxFile({ nodes, tensors, inputs: [["x", size]] }))).toThrow("layers share arrays");
  });

  it("is refused when it is cut anywhere, or is nothing", () => {
    const whole = new Uint8Array(readFileSync(new URL("../../fixtures/onnx/torch-17.onnx", import.meta.url)));
    for (let length = 0; length < whole.length; length++) {
      const part = whole.subarray(0, length);
      try {
        readOnnx(part);
        // The last field says which opset it is; without it, and only without it, the file may look whole.
        expect(length).toBeGreaterThan(whole.length - 8);
      } catch (error) {
        expect((error as { code: string }).code).toBe("file");
      }
    }
  });

  it("is refused for numbers that never end, wire types of other formats, and text that is none", () => {
    const bytes = (...list: number[]) => Uint8Array.from(list);
    expect(() => readOnnx(bytes(0x08, ...Array(11).fill(0xff)))).toThrow("a number of more than 10 bytes");
    expect(() => readOnnx(bytes(0x0b))).toThrow("wire type 3");
    expect(() => readOnnx(bytes(0x00))).toThrow("byte 0 begins no field");
    expect(() => readOnnx(bytes(0x08, 0x08, 0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f))).toThrow("cut short");
    expect(() => readOnnx(bytes(0x12, 0x02, 0xff, 0xfe))).toThrow("not UTF-8");
    expect(() => readOnnx(new Uint8Array(0))).toThrow("holds no graph");
    expect(() => readOnnx(Uint8Array.from({ length: 2e5 }, (_, i) => (i % 2 === 0 ? 0x08 : 1)))).toThrow(
      "50000 fields",
    );
    const sparse = new Message().message(MODEL.graph, new Message().message(GRAPH.sparseInitializer, new Message()));
    sparse.message(MODEL.opsetImport, new Message().integer(OPSET.version, 17));
    expect(() => readOnnx(sparse.finish())).toThrow("sparse");
  });
});

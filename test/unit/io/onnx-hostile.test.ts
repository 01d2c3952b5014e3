import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Message } from "../../../src/io/onnx/protobuf.ts";
import { openOnnx, readOnnx } from "../../../src/io/onnx/read.ts";
import { DATA_TYPE, ENTRY, GRAPH, MODEL, OPSET, TENSOR } from "../../../src/io/onnx/schema.ts";
import { by, matmul, onnxFile, type TestFile, type TestNode, w } from "./onnx-file.ts";

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
      else expect(read).toThrow(/reshapes to a computed shape|is not known here|has no input that is computed/);
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

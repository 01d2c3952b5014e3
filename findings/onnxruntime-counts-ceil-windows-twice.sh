#!/bin/sh
# npm onnxruntime-node 1.30.0: how many windows a pool with ceil_mode has, loading and running do not agree, for files of opset 13 to 21.
# Expected (PyTorch, and the same runtime at opset 22): a window that would begin in the padding behind the last value is none, when shapes are worked out and when values are.
# Seen: values have 2 windows, the shapes that loading works out 3. By itself the pool runs; with a Gemm behind it that fits the 2 the file is refused, "Dimension mismatch". Pads written out, without ceil_mode, load everywhere.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error onnxruntime-node@1.30.0 >/dev/null
cat >check.cjs <<'JS'
const ort = require("onnxruntime-node");

// Just enough of protobuf to write a model of a few nodes.
const varint = (n) => (n < 128 ? [n] : [(n % 128) | 128, ...varint(Math.floor(n / 128))]);
const number = (field, n) => [...varint(8 * field), ...varint(n)];
const bytes = (field, b) => {
  const list = typeof b === "string" ? [...Buffer.from(b)] : b;
  return [...varint(8 * field + 2), ...varint(list.length), ...list];
};
const attribute = ([name, v]) =>
  bytes(5, [...bytes(1, name), ...(Array.isArray(v) ? [...v.flatMap((n) => number(8, n)), ...number(20, 7)] : [...number(3, v), ...number(20, 2)])]);
const node = (op, inputs, output, attributes = {}) =>
  bytes(1, [...inputs.flatMap((n) => bytes(1, n)), ...bytes(2, output), ...bytes(4, op), ...Object.entries(attributes).flatMap(attribute)]);
const wholes = (name, list) => bytes(5, [...number(1, list.length), ...number(2, 7), ...bytes(8, name), ...bytes(9, list.flatMap((n) => [n, 0, 0, 0, 0, 0, 0, 0]))]);
const value = (field, name, shape) =>
  bytes(field, [...bytes(1, name), ...bytes(2, bytes(1, [...number(1, 1), ...(shape ? bytes(2, shape.flatMap((d) => bytes(1, number(1, d)))) : [])]))]);
const session = (opset, op, rest) => {
  const graph = [
    ...node(op, ["x"], "pooled", { kernel_shape: [2], strides: [2], pads: [1, 1], ceil_mode: 1 }),
    ...rest,
    ...bytes(2, "g"),
    ...value(11, "x", [1, 2, 3]),
    ...value(11, "w", [4, 1]),
    ...value(12, "y", null),
  ];
  const model = Uint8Array.from([...number(1, 8), ...bytes(7, graph), ...bytes(8, number(2, opset))]);
  return ort.InferenceSession.create(model, { logSeverityLevel: 4 });
};
const x = () => new ort.Tensor("float32", Float32Array.from([1, 2, 3, 4, 5, 6]), [1, 2, 3]);
const w = () => new ort.Tensor("float32", Float32Array.from([1, 1, 1, 1]), [4, 1]);
(async () => {
  const seen = [];
  console.log("onnxruntime-node 1.30.0: three values, windows of 2 side by side, padding 1, ceil_mode 1");
  for (const opset of [17, 22]) {
    for (const op of ["MaxPool", "AveragePool"]) {
      const alone = await session(opset, op, node("Identity", ["pooled"], "y"));
      const { y } = await alone.run({ x: x(), w: w() });
      const behind = await session(opset, op, [...node("Flatten", ["pooled"], "flat"), ...node("Gemm", ["flat", "w"], "y")]).then(
        async (s) => `${(await s.run({ x: x(), w: w() })).y.data[0]}`,
        (error) => (/mismatch/.test(error.message) ? "refused" : error.message),
      );
      seen.push(`${y.dims.join("x")} ${behind}`);
      console.log(`opset ${opset}, ${op.padEnd(11)} gives ${y.dims.join(" x ")}, with a Gemm behind it: ${behind}`);
    }
  }
  const same = seen.join() === "1x2x2 refused,1x2x2 refused,1x2x2 14,1x2x2 13";
  console.log(same ? "as found" : `CHANGED: ${seen.join()}`);
  process.exit(same ? 0 : 1);
})();
JS
node check.cjs

#!/bin/sh
# npm onnxruntime-node 1.30.0: zeros that a Pad puts around what a MaxPool reads are lost, because the optimiser takes them for the pool's own padding.
# Expected (ONNX's text; PyTorch's F.pad and max_pool1d; the same runtime with its optimiser off): the zeros are values, so the largest of a window with one of them is 0 or more.
# Seen: with graphOptimizationLevel "basic" and above, as by default, they count as -Infinity: -4 and -1 at the edges for 0 and 0. A net whose values are below 0 gives other numbers than where it was trained.
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
(async () => {
  const x = [-4, -3, -2, -1];
  const graph = [
    ...node("Pad", ["x", "pads"], "padded"),
    ...node("MaxPool", ["padded"], "y", { kernel_shape: [2], strides: [1] }),
    ...bytes(2, "g"),
    ...wholes("pads", [0, 0, 1, 0, 0, 1]),
    ...value(11, "x", [1, 1, 4]),
    ...value(12, "y", null),
  ];
  const model = Uint8Array.from([...number(1, 8), ...bytes(7, graph), ...bytes(8, number(2, 17))]);
  const seen = [];
  console.log("onnxruntime-node 1.30.0, largest of two neighbours of 0, -4, -3, -2, -1, 0");
  for (const graphOptimizationLevel of ["disabled", "basic", "all"]) {
    const session = await ort.InferenceSession.create(model, { graphOptimizationLevel, logSeverityLevel: 4 });
    const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.from(x), [1, 1, 4]) });
    seen.push([...y.data].join(" "));
    console.log(`${graphOptimizationLevel.padEnd(9)} ${seen.at(-1)} (expected 0 -3 -2 -1 0)`);
  }
  const same = seen.join() === "0 -3 -2 -1 0,-4 -3 -2 -1 -1,-4 -3 -2 -1 -1";
  console.log(same ? "as found" : "CHANGED");
  process.exit(same ? 0 : 1);
})();
JS
node check.cjs

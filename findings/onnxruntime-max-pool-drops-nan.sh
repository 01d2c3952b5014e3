#!/bin/sh
# npm onnxruntime-node 1.30.0: MaxPool, ReduceMax and TopK leave NaN out.
# Expected (PyTorch, numpy): the largest of values with a NaN among them is NaN, so that a net which broke shows it.
# Seen: MaxPool never gives it; ReduceMax and TopK only where it stands first. Max, Relu and Clip hand it on. A net whose convolutions overflowed can look sound behind its pools.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error onnxruntime-node@1.30.0 >/dev/null
cat >check.cjs <<'JS'
const ort = require("onnxruntime-node");

// Just enough of protobuf to write a model of one node.
const varint = (n) => (n < 128 ? [n] : [(n % 128) | 128, ...varint(Math.floor(n / 128))]);
const number = (field, n) => [...varint(8 * field), ...varint(n)];
const bytes = (field, b) => {
  const list = typeof b === "string" ? [...Buffer.from(b)] : b;
  return [...varint(8 * field + 2), ...varint(list.length), ...list];
};
const value = (field, name, type, shape) =>
  bytes(field, [...bytes(1, name), ...bytes(2, bytes(1, [...number(1, type), ...(shape ? bytes(2, shape.flatMap((d) => bytes(1, number(1, d)))) : [])]))]);
const attribute = ([name, v]) =>
  bytes(5, [...bytes(1, name), ...(Array.isArray(v) ? [...v.flatMap((n) => number(8, n)), ...number(20, 7)] : [...number(3, v), ...number(20, 2)])]);
const largest = async (op, data, shape, attributes, k = null) => {
  const one = [...number(1, 1), ...number(2, 7), ...bytes(8, "k"), ...bytes(9, [1, 0, 0, 0, 0, 0, 0, 0])];
  const node = [...["x", ...(k ? ["k"] : [])].flatMap((n) => bytes(1, n)), ...["y", ...(k ? ["at"] : [])].flatMap((n) => bytes(2, n)), ...bytes(4, op), ...Object.entries(attributes).flatMap(attribute)];
  const graph = [...bytes(1, node), ...bytes(2, "g"), ...(k ? bytes(5, one) : []), ...value(11, "x", 1, shape), ...value(12, "y", 1, null)];
  const session = await ort.InferenceSession.create(Uint8Array.from([...number(1, 9), ...bytes(7, graph), ...bytes(8, number(2, 17))]), { logSeverityLevel: 4 });
  const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.from(data), shape) });
  return y.data[0];
};
(async () => {
  const [first, last] = [[NaN, 1, 3], [1, 3, NaN]];
  const ops = {
    MaxPool: (x) => largest("MaxPool", x, [1, 1, 3], { kernel_shape: [3] }),
    ReduceMax: (x) => largest("ReduceMax", x, [3], { axes: [0], keepdims: 0 }),
    TopK: (x) => largest("TopK", x, [3], {}, 1),
  };
  const seen = [];
  console.log("onnxruntime-node 1.30.0, the largest of");
  for (const [name, op] of Object.entries(ops)) {
    const found = [await op(first), await op(last)];
    seen.push(...found);
    console.log(`${name.padEnd(10)} ${first}: ${found[0]}   ${last}: ${found[1]} (expected NaN, NaN)`);
  }
  const same = seen.join() === "3,3,NaN,3,NaN,3";
  console.log(same ? "as found" : "CHANGED");
  process.exit(same ? 0 : 1);
})();
JS
node check.cjs

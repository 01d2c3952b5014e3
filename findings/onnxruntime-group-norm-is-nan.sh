#!/bin/sh
# npm onnxruntime-node 1.30.0: GroupNormalization (opset 21) of values far from 0 is NaN.
# Expected: what InstanceNormalization and LayerNormalization give for the same numbers, as PyTorch's GroupNorm does.
# Seen: NaN. The variance is taken as mean(x x) - mean(x) mean(x), which rounding makes negative; four pixels around 10000
# (or any layer whose mean is some thousands of deviations) are enough, and epsilon does not help.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error onnxruntime-node@1.30.0 >/dev/null
cat >check.cjs <<'JS'
const ort = require("onnxruntime-node");

// Just enough of protobuf to write a model: fields of numbers, and of bytes.
const varint = (n) => (n < 128 ? [n] : [(n % 128) | 128, ...varint(Math.floor(n / 128))]);
const number = (field, n) => [...varint(8 * field), ...varint(n)];
const bytes = (field, b) => {
  const list = typeof b === "string" ? [...Buffer.from(b)] : b;
  return [...varint(8 * field + 2), ...varint(list.length), ...list];
};
const value = (field, name, shape) =>
  bytes(field, [...bytes(1, name), ...bytes(2, bytes(1, [...number(1, 1), ...bytes(2, shape.flatMap((d) => bytes(1, number(1, d))))]))]);
const floats = (name, shape, data) =>
  bytes(5, [...shape.flatMap((d) => number(1, d)), ...number(2, 1), ...bytes(8, name), ...bytes(9, [...new Uint8Array(new Float32Array(data).buffer)])]);
const model = (op, channels, attributes) => {
  const shape = [1, channels, 4];
  const node = bytes(1, [
    ...["x", "scale", "shift"].flatMap((n) => bytes(1, n)),
    ...bytes(2, "y"),
    ...bytes(4, op),
    ...Object.entries(attributes).flatMap(([n, v]) => bytes(5, [...bytes(1, n), ...number(3, v), ...number(20, 2)])),
  ]);
  const graph = [...node, ...bytes(2, "g"), ...floats("scale", [channels], Array(channels).fill(1)), ...floats("shift", [channels], Array(channels).fill(0)), ...value(11, "x", shape), ...value(12, "y", shape)];
  return Uint8Array.from([...number(1, 10), ...bytes(7, graph), ...bytes(8, number(2, 21))]);
};
const run = async (op, data, attributes = {}) => {
  const session = await ort.InferenceSession.create(model(op, 1, attributes), { logSeverityLevel: 4 });
  const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.from(data), [1, 1, 4]) });
  return [...y.data].map((v) => v.toFixed(3)).join(" ");
};
(async () => {
  const near = [0, 0, 0, 0.5];
  const far = near.map((v) => v + 10000);
  const seen = [
    await run("GroupNormalization", near, { num_groups: 1 }),
    await run("GroupNormalization", far, { num_groups: 1 }),
    await run("InstanceNormalization", far),
  ];
  console.log("onnxruntime-node 1.30.0, one group of four values");
  console.log(`GroupNormalization of ${near}: ${seen[0]}`);
  console.log(`GroupNormalization of ${far}: ${seen[1]} (expected the same)`);
  console.log(`InstanceNormalization of those: ${seen[2]}`);
  const same = seen[0].startsWith("-0.577") && seen[2].startsWith("-0.578") && seen[1] === "NaN NaN NaN NaN";
  console.log(same ? "as found" : "CHANGED");
  process.exit(same ? 0 : 1);
})();
JS
node check.cjs

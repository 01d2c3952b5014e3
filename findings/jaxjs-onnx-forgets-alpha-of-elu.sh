#!/bin/sh
# npm @jax-js/onnx 0.1.2 (on @jax-js/jax 0.1.25): Elu and Celu always have the alpha 1, whatever the file says.
# Expected (ONNX Runtime; its own LeakyRelu and HardSigmoid, whose alpha it reads): alpha (exp(x) - 1) below 0.
# Seen: -0.632 for -1.264 at -1 with alpha 2, silently. nn.elu of jax-js itself takes an alpha.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error @jax-js/jax@0.1.25 @jax-js/onnx@0.1.2 onnxruntime-node@1.30.0 >/dev/null
cat >check.mjs <<'JS'
import { defaultDevice, init, nn, numpy as np } from "@jax-js/jax";
import { ONNXModel } from "@jax-js/onnx";
import ort from "onnxruntime-node";

// Just enough of protobuf to write a model of one node.
const varint = (n) => (n < 128 ? [n] : [(n % 128) | 128, ...varint(Math.floor(n / 128))]);
const number = (field, n) => [...varint(8 * field), ...varint(n)];
const bytes = (field, b) => {
  const list = typeof b === "string" ? [...Buffer.from(b)] : b;
  return [...varint(8 * field + 2), ...varint(list.length), ...list];
};
const value = (field, name, shape) =>
  bytes(field, [...bytes(1, name), ...bytes(2, bytes(1, [...number(1, 1), ...bytes(2, shape.flatMap((d) => bytes(1, number(1, d))))]))]);
const activation = (op, alpha) => {
  const four = [...new Uint8Array(Float32Array.of(alpha).buffer)];
  const attribute = bytes(5, [...bytes(1, "alpha"), ...varint(8 * 2 + 5), ...four, ...number(20, 1)]);
  const node = bytes(1, [...bytes(1, "x"), ...bytes(2, "y"), ...bytes(4, op), ...attribute]);
  const graph = [...node, ...bytes(2, "g"), ...value(11, "x", [2]), ...value(12, "y", [2])];
  return Uint8Array.from([...number(1, 8), ...bytes(7, graph), ...bytes(8, number(2, 17))]);
};
await init("wasm");
defaultDevice("wasm");
const x = [-1, 1];
const seen = {};
console.log("at -1, alpha 2");
for (const op of ["LeakyRelu", "HardSigmoid", "Elu", "Celu"]) {
  const model = activation(op, 2);
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 4 });
  const wanted = (await session.run({ x: new ort.Tensor("float32", Float32Array.from(x), [2]) })).y.data[0].toFixed(3);
  const got = new ONNXModel(model).run({ x: np.array(x) }).y.js()[0].toFixed(3);
  seen[op] = `${got} for ${wanted}`;
  console.log(`${op.padEnd(12)} @jax-js/onnx 0.1.2 ${got}, onnxruntime-node 1.30.0 ${wanted}`);
}
const own = nn.elu(np.array(x), 2).js()[0].toFixed(3);
console.log(`nn.elu(x, 2) of @jax-js/jax 0.1.25: ${own}`);
const [same, other] = [seen.LeakyRelu === "-2.000 for -2.000" && seen.HardSigmoid === "0.000 for 0.000", seen.Elu === "-0.632 for -1.264" && seen.Celu === "-0.632 for -0.787"];
console.log(same && other && own === "-1.264" ? "as found" : "CHANGED");
process.exit(same && other && own === "-1.264" ? 0 : 1);
JS
node check.mjs

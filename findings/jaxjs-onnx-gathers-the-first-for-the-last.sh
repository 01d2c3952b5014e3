#!/bin/sh
# npm @jax-js/onnx 0.1.2 (on @jax-js/jax 0.1.25): Gather with index -1 takes the first element, not the last.
# Expected (ONNX since opset 11; ONNX Runtime; numpy): negative indices count from the end. It is how exporters write x[:, -1], the last step of a sequence, which a classifier of sequences ends with.
# Seen: -1 and -2 of 10 20 30 are 10 and 10 on its WebAssembly backend, silently, and so in np.take of jax-js; GatherElements likewise. x.slice(-1) counts from the end.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error @jax-js/jax@0.1.25 @jax-js/onnx@0.1.2 onnxruntime-node@1.30.0 >/dev/null
cat >check.mjs <<'JS'
import { defaultDevice, init, numpy as np } from "@jax-js/jax";
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
const wholes = (name, list) => bytes(5, [...number(1, list.length), ...number(2, 7), ...bytes(8, name), ...bytes(9, [...new Uint8Array(BigInt64Array.from(list.map(BigInt)).buffer)])]);
const gather = (indices) => {
  const node = bytes(1, [...bytes(1, "x"), ...bytes(1, "at"), ...bytes(2, "y"), ...bytes(4, "Gather")]);
  const graph = [...node, ...bytes(2, "g"), ...wholes("at", indices), ...value(11, "x", [3]), ...value(12, "y", [indices.length])];
  return Uint8Array.from([...number(1, 8), ...bytes(7, graph), ...bytes(8, number(2, 17))]);
};
await init("wasm");
defaultDevice("wasm");
const model = gather([-1, -2, 1]);
const session = await ort.InferenceSession.create(model, { logSeverityLevel: 4 });
const wanted = (await session.run({ x: new ort.Tensor("float32", Float32Array.from([10, 20, 30]), [3]) })).y.data.join(" ");
const onnx = new ONNXModel(model).run({ x: np.array([10, 20, 30]) }).y.js().join(" ");
const take = np.take(np.array([10, 20, 30]), np.array([-1, -2, 1], { dtype: "int32" })).js().join(" ");
const last = np.array([10, 20, 30]).slice(-1).js();
console.log("elements -1, -2, 1 of 10 20 30 (expected 30 20 20)");
console.log(`onnxruntime-node 1.30.0  Gather   ${wanted}`);
console.log(`@jax-js/onnx 0.1.2       Gather   ${onnx}`);
console.log(`@jax-js/jax 0.1.25       take     ${take}, slice(-1) ${last}`);
const same = `${wanted};${onnx};${take};${last}` === "30 20 20;10 10 20;10 10 20;30";
console.log(same ? "as found" : "CHANGED");
process.exit(same ? 0 : 1);
JS
node check.mjs

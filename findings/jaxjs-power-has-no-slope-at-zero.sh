#!/bin/sh
# npm @jax-js/jax 0.1.25: the gradient of np.power(x, 2) at 0 is NaN, and 0 to the power 0 as well; that of np.prod is NaN where one factor is 0.
# Expected (JAX, PyTorch, TensorFlow.js): 0, 1, and the product of the other factors.
# Seen: powers are exp(y log|x|), and so is their derivative; a product's gradient divides by the factor. A squared error written as power(error, 2) ruins every weight once one error is exactly 0; x.mul(x) and np.square are right.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error @jax-js/jax@0.1.25 @tensorflow/tfjs@4.22.0 >/dev/null
cat >check.mjs <<'JS'
import { defaultDevice, grad, init, numpy as np } from "@jax-js/jax";
await init("cpu");
defaultDevice("cpu");
const log = console.log;
console.warn = console.log = () => undefined;
const tf = (await import("@tensorflow/tfjs")).default ?? (await import("@tensorflow/tfjs"));
await tf.setBackend("cpu");
const jax = (f, x) => grad((v) => f(v).sum())(np.array(x)).js().join(" ");
const tensorflow = (f, x) => [...tf.grad((v) => f(v).sum())(tf.tensor1d(x)).dataSync()].join(" ");
const rows = [
  ["gradient of power(x, 2) at 0 1 2", jax((v) => np.power(v, 2), [0, 1, 2]), tensorflow((v) => tf.pow(v, 2), [0, 1, 2]), "NaN 2 4", "0 2 4"],
  ["gradient of square(x) at 0 1 2", jax(np.square, [0, 1, 2]), tensorflow(tf.square, [0, 1, 2]), "0 2 4", "0 2 4"],
  ["gradient of prod at 2 0 3", jax(np.prod, [2, 0, 3]), tensorflow(tf.prod, [2, 0, 3]), "0 NaN 0", "0 6 0"],
  ["0 to the power 0", `${np.power(np.array([0, 2]), np.array([0, 0])).js()[0]}`, `${tf.pow(tf.tensor1d([0]), tf.tensor1d([0])).dataSync()[0]}`, "NaN", "1"],
];
let same = true;
for (const [what, seen, other, found, wanted] of rows) {
  log(`${what.padEnd(33)} @jax-js/jax 0.1.25: ${seen}; @tensorflow/tfjs 4.22.0: ${other} (expected ${wanted})`);
  same &&= seen === found && other === wanted;
}
log(same ? "as found" : "CHANGED");
process.exit(same ? 0 : 1);
JS
node check.mjs

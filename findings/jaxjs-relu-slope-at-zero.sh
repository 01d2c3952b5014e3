#!/bin/sh
# npm @jax-js/jax 0.1.25: the gradient of relu at 0 is 1; and that of abs there is 1 in it, -1 in TensorFlow.js 4.22.0.
# Expected: 0 for both, as JAX and PyTorch have it (TensorFlow.js for relu alone). Whoever compares gradients of nets whose units begin at
# exactly 0 (zero biases on rows of zeros, images with black borders) sees them differ.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error @jax-js/jax@0.1.25 @tensorflow/tfjs@4.22.0 >/dev/null
cat >check.mjs <<'JS'
import { defaultDevice, grad, init, nn, numpy as np } from "@jax-js/jax";
await init("cpu");
defaultDevice("cpu");
const log = console.log;
console.warn = console.log = () => undefined;
const tf = (await import("@tensorflow/tfjs")).default ?? (await import("@tensorflow/tfjs"));
await tf.setBackend("cpu");
console.log = log;
const x = [-1, 0, 1];
const jax = (f) => grad((v) => f(v).sum())(np.array(x)).js().join(" ");
const tensorflow = (f) => [...tf.grad((v) => f(v).sum())(tf.tensor1d(x)).dataSync()].join(" ");
const seen = [jax(nn.relu), jax(np.abs), tensorflow(tf.relu), tensorflow(tf.abs)];
log("gradients at -1, 0, 1");
log(`@jax-js/jax 0.1.25       relu ${seen[0]} (expected 0 0 1), abs ${seen[1]} (expected -1 0 1)`);
log(`@tensorflow/tfjs 4.22.0  relu ${seen[2]}, abs ${seen[3]} (expected the same)`);
const same = seen.join() === "0 1 1,-1 1 1,0 0 1,-1 -1 1";
log(same ? "as found" : "CHANGED");
process.exit(same ? 0 : 1);
JS
node check.mjs

#!/bin/sh
# npm @jax-js/jax 0.1.25: softplus and logSigmoid overflow, and their gradients are NaN.
# Expected (JAX, PyTorch, TensorFlow.js): softplus(100) is 100 with gradient 1, logSigmoid(-100) is -100 with gradient 1;
# that is what a binary cross entropy of logits is made of.
# Seen, on its WebAssembly backend: Infinity and NaN, -Infinity and NaN. The exponential is taken of the argument as it is,
# and f32 has no exp(100); under jit too. (An array of one number, or of one number throughout, is worked out in f64 unless
# it is under jit, and is right.)
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error @jax-js/jax@0.1.25 >/dev/null
cat >check.mjs <<'JS'
import { defaultDevice, grad, init, jit, nn, numpy as np } from "@jax-js/jax";
await init("wasm");
defaultDevice("wasm");
const at = (f, x) => [f(np.array([x, 0])).js()[0], grad((v) => f(v).sum())(np.array([x, 0])).js()[0]];
const small = at(nn.softplus, 1);
const large = at(nn.softplus, 100);
const low = at(nn.logSigmoid, -100);
const compiled = jit(nn.softplus)(np.array([100])).js()[0];
console.log("@jax-js/jax 0.1.25, value and gradient");
console.log(`softplus(1)       ${small.map((v) => v.toFixed(4))} (expected 1.3133, 0.7311)`);
console.log(`softplus(100)     ${large} (expected 100, 1)`);
console.log(`softplus(100) under jit: ${compiled} (expected 100)`);
console.log(`logSigmoid(-100)  ${low} (expected -100, 1)`);
const same =
  Math.abs(small[0] - 1.31326) < 1e-4 && large[0] === Infinity && Number.isNaN(large[1]) && low[0] === -Infinity && Number.isNaN(low[1]) && compiled === Infinity;
console.log(same ? "as found" : "CHANGED");
process.exit(same ? 0 : 1);
JS
node check.mjs

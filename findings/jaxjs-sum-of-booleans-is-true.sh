#!/bin/sh
# npm @jax-js/jax 0.1.25: the sum of booleans is a boolean.
# Expected (JAX, numpy, PyTorch): how many are true, as int32: pred == label, summed, is how many a net got right.
# Seen: true for two of three; in arithmetic that follows it counts as 1, so an accuracy made of it is 1 over the number of rows. mean and countNonzero count, and cumsum does.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error @jax-js/jax@0.1.25 >/dev/null
cat >check.mjs <<'JS'
import { defaultDevice, init, numpy as np } from "@jax-js/jax";
await init("cpu");
defaultDevice("cpu");
const right = () => np.equal(np.array([2, 0, 1], { dtype: "int32" }), np.array([2, 0, 2], { dtype: "int32" }));
const sum = np.sum(right());
const [type, value] = [sum.dtype, sum.js()];
const times = np.sum(right()).astype("float32").div(3).js();
const mean = np.mean(right()).js();
const count = np.countNonzero(right()).js();
const running = np.cumsum(right()).js().join(" ");
console.log("@jax-js/jax 0.1.25: two of three are equal");
console.log(`sum           ${value}, ${type} (expected 2, int32)`);
console.log(`sum / 3       ${times.toFixed(3)} (expected 0.667)`);
console.log(`mean          ${mean.toFixed(3)}`);
console.log(`countNonzero  ${count}`);
console.log(`cumsum        ${running}`);
const same = value === true && type === "bool" && times.toFixed(3) === "0.333" && mean.toFixed(3) === "0.667" && count === 2 && running === "1 2 2";
console.log(same ? "as found" : "CHANGED");
process.exit(same ? 0 : 1);
JS
node check.mjs

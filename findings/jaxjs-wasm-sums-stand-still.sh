#!/bin/sh
# npm @jax-js/jax 0.1.25, its WebAssembly backend: a sum takes one number after the other in f32, so long ones drift and then stand still.
# Expected (numpy, JAX, PyTorch, and this package's other backend here): partial sums, so that the mean of many equal numbers is that number to six digits.
# Seen: twenty million ones add up to 16,777,216, where f32 no longer counts by one; the mean of as many 0.1 is 0.105. Means over images or losses of a large batch are off long before.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error @jax-js/jax@0.1.25 >/dev/null
cat >check.mjs <<'JS'
import { defaultDevice, init, numpy as np } from "@jax-js/jax";

const seen = {};
console.log("@jax-js/jax 0.1.25");
for (const device of ["wasm", "cpu"]) {
  await init(device);
  defaultDevice(device);
  const mean = (n) => np.mean(np.full([n], 0.1)).js();
  const ones = np.sum(np.ones([20_000_000])).js();
  const means = [1e5, 1e6, 2e7].map((n) => mean(n).toFixed(5));
  seen[device] = `${ones} ${means.join(" ")}`;
  console.log(`${device.padEnd(4)} 20,000,000 ones: ${ones}; mean of 100,000, 1,000,000 and 20,000,000 times 0.1: ${means.join(" ")}`);
}
const [drifted, , , far] = seen.wasm.split(" ");
const same = drifted === "16777216" && Number(far) > 0.104 && seen.cpu === "20000000 0.10000 0.10000 0.10000";
console.log(same ? "as found" : "CHANGED");
process.exit(same ? 0 : 1);
JS
node check.mjs

#!/bin/sh
# npm @jax-js/jax 0.1.25: argmax and argmin of numbers with a NaN among them give an index that there is not.
# Expected (JAX, numpy, PyTorch): the NaN's index, so always one within the array.
# Seen: 3 for three numbers, on every backend that runs here. A net that broke so predicts a class which does not exist, and a look-up of its name or row goes past the end.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error @jax-js/jax@0.1.25 >/dev/null
cat >check.mjs <<'JS'
import { defaultDevice, init, numpy as np } from "@jax-js/jax";

const seen = [];
console.log("@jax-js/jax 0.1.25, of three numbers");
for (const device of ["cpu", "wasm"]) {
  await init(device);
  defaultDevice(device);
  for (const [name, find, row, wanted] of [
    ["argmax", np.argmax, [1, 5, 3], 1],
    ["argmax", np.argmax, [1, NaN, 3], 1],
    ["argmin", np.argmin, [1, NaN, 0], 1],
  ]) {
    seen.push(find(np.array(row)).js());
    console.log(`${device.padEnd(4)} ${name} of ${row.join(" ")}: ${seen.at(-1)} (expected ${wanted})`);
  }
}
const same = seen.join(" ") === "1 3 3 1 3 3";
console.log(same ? "as found" : "CHANGED");
process.exit(same ? 0 : 1);
JS
node check.mjs

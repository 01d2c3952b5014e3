#!/bin/sh
# npm @jax-js/jax 0.1.25: the one-hot row of a label -1 is all ones.
# Expected (JAX): labels outside the classes give a row of zeros, so that -1, the usual mark of "no label", adds nothing
# to a cross entropy that is summed with it.
# Seen: a label above the classes gives zeros, and -1 ones in every class, each of which adds its loss.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error @jax-js/jax@0.1.25 >/dev/null
cat >check.mjs <<'JS'
import { defaultDevice, init, nn, numpy as np } from "@jax-js/jax";
await init("cpu");
defaultDevice("cpu");
const rows = nn.oneHot(np.array([1, 3, -1], { dtype: "int32" }), 3).js();
console.log("@jax-js/jax 0.1.25, oneHot of 3 classes");
for (const [label, row, wanted] of [[1, rows[0], "0,1,0"], [3, rows[1], "0,0,0"], [-1, rows[2], "0,0,0"]])
  console.log(`label ${label}: ${row} (expected ${wanted})`);
const same = rows.join(" ") === "0,1,0 0,0,0 1,1,1";
console.log(same ? "as found" : "CHANGED");
process.exit(same ? 0 : 1);
JS
node check.mjs

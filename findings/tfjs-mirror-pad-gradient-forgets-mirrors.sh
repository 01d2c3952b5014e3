#!/bin/sh
# npm @tensorflow/tfjs 4.22.0: the gradient of mirrorPad is that of padding with zeros.
# Expected: a value that also stands in the border, mirrored, gets the border's gradient too.
# Seen: only the middle's. Reflection padding is what style transfer and super resolution train with.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error @tensorflow/tfjs@4.22.0 >/dev/null
cat >check.cjs <<'JS'
const log = console.log;
console.warn = console.log = () => undefined;
const tf = require("@tensorflow/tfjs");
tf.setBackend("cpu").then(() => {
  const pad = (x) => tf.mirrorPad(x, [[1, 1]], "reflect");
  const values = [...pad(tf.tensor1d([1, 2, 3])).dataSync()].join(" ");
  const gradient = [...tf.grad((x) => pad(x).sum())(tf.tensor1d([1, 2, 3])).dataSync()].join(" ");
  log(`@tensorflow/tfjs 4.22.0: 1 2 3 padded by reflection: ${values}`);
  log(`gradient of the sum: ${gradient} (expected 1 3 1)`);
  const same = values === "2 1 2 3 2" && gradient === "1 1 1";
  log(same ? "as found" : "CHANGED");
  process.exit(same ? 0 : 1);
});
JS
node check.cjs

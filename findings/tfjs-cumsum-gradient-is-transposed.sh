#!/bin/sh
# npm @tensorflow/tfjs 4.22.0: the gradient of cumsum along any axis but the last lies transposed.
# Expected: with y = cumsum(x, 0) and a loss of sum(w y), the gradient of x is the sum of w from its row on down.
# Seen: those numbers with rows and columns changed; silently where the matrix is square, an error about shapes elsewhere.
# Along the last axis it is right.
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
  const w = tf.tensor2d([[1, 10, 100], [1000, 10000, 100000], [2, 3, 5]]);
  const gradient = (axis) => tf.grad((x) => tf.cumsum(x, axis).mul(w).sum())(tf.ones([3, 3])).arraySync().join(" ");
  const seen = [gradient(0), gradient(1)];
  log("@tensorflow/tfjs 4.22.0, gradient of cumsum");
  log(`axis 0: ${seen[0]}`);
  log("expected 1003,10013,100105 1002,10003,100005 2,3,5");
  log(`axis 1: ${seen[1]}`);
  const same =
    seen[0] === "1003,1002,2 10013,10003,3 100105,100005,5" && seen[1] === "111,110,100 111000,110000,100000 10,8,5";
  log(same ? "as found" : "CHANGED");
  process.exit(same ? 0 : 1);
});
JS
node check.cjs

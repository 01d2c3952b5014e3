#!/bin/sh
# TensorFlow.js 4.22.0: pooling with explicit padding and rounding "ceil" keeps a window that lies in the padding alone.
# Expected (PyTorch, ONNX Runtime): a window that would begin in the padding behind the values is dropped: three outputs.
# Seen: a fourth output, -Infinity from maxPool and NaN from avgPool, with no error. One of them in a net is a loss of NaN.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-backend-cpu@4.22.0 >/dev/null
cat >check.cjs <<'JS'
const tf = require("@tensorflow/tfjs-core");
require("@tensorflow/tfjs-backend-cpu");

(async () => {
  await tf.setBackend("cpu");
  const x = tf.tensor4d([1, 2, 3, 4, 5], [1, 5, 1, 1]);
  const padding = [[0, 0], [1, 1], [0, 0], [0, 0]];
  const pooled = (pool) => pool(x, [2, 1], [2, 1], padding, "ceil").arraySync().flat(3);
  const max = pooled(tf.maxPool);
  const mean = pooled(tf.avgPool);
  console.log(`tfjs ${tf.version_core}: 1 2 3 4 5, windows of 2, stride 2, padding 1, ceil`);
  console.log(`  maxPool: ${max.join(" ")} (PyTorch: 1 3 5)`);
  console.log(`  avgPool: ${mean.join(" ")} (PyTorch: 3 outputs)`);
  const same = max.length === 4 && max[3] === Number.NEGATIVE_INFINITY && mean.length === 4 && Number.isNaN(mean[3]);
  console.log(same ? "as found: -Infinity and NaN" : "CHANGED");
  process.exit(same ? 0 : 1);
})();
JS
node check.cjs

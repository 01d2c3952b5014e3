#!/bin/sh
# TensorFlow.js 4.22.0: where several values tie for the largest, three ways to take it have three gradients.
# Expected: one rule. PyTorch shares among ties (amax, maximum) or gives the first all (max_pool2d); what reaches the
# inputs adds up to what came from above in either case.
# Seen: tf.max gives EVERY tie the whole gradient (two ties: twice what came), tf.maximum and tf.maxPool the first all.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error @tensorflow/tfjs@4.22.0 >/dev/null
cat >check.cjs <<'JS'
const tf = require("@tensorflow/tfjs");

(async () => {
  await tf.setBackend("cpu");
  const max = tf.grad((x) => tf.max(x))(tf.tensor1d([3, 3, 1])).arraySync();
  const maximum = tf.grads((a, b) => tf.maximum(a, b).sum())([tf.tensor1d([2]), tf.tensor1d([2])]);
  const larger = maximum.map((t) => t.arraySync()[0]);
  const pooled = tf.grad((x) => tf.maxPool(x, [2, 2], [2, 2], 0))(tf.ones([1, 2, 2, 1]));
  const pool = pooled.arraySync().flat(3);
  console.log(`tfjs ${tf.version_core}: the gradient of the largest of`);
  console.log(`  tf.max     3 3 1:   ${max.join(" ")}  adds up to ${max.reduce((a, b) => a + b)}`);
  console.log(`  tf.maximum 2, 2:    ${larger.join(" ")}`);
  console.log(`  tf.maxPool 1 1 1 1: ${pool.join(" ")}`);
  const same = `${max};${larger};${pool}` === "1,1,0;1,0;1,0,0,0";
  console.log(same ? "as found" : "CHANGED");
  process.exit(same ? 0 : 1);
})();
JS
node check.cjs

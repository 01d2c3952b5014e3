#!/bin/sh
# npm @tensorflow/tfjs 4.22.0: the gradient of average pooling with padding is not that of its values.
# Expected: values divide by the places of a window that lie inside the image (ones stay ones), so gradients do too: whatever
# the image, they add up to what came from above.
# Seen: gradients divide by the whole window: 0.44 for a corner, where finite differences give 0.69; layers as well.
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
  const ways = {
    avgPool: (x) => tf.avgPool(x, 3, 1, "same"),
    averagePooling2d: (x) => tf.layers.averagePooling2d({ poolSize: 3, strides: 1, padding: "same" }).apply(x),
  };
  log("@tensorflow/tfjs 4.22.0, windows of 3 x 3 with padding on 3 x 3 ones, loss the sum of 9 values");
  let same = true;
  for (const [name, pool] of Object.entries(ways)) {
    const at = (corner) => pool(tf.tensor([corner, ...Array(8).fill(1)], [1, 3, 3, 1])).sum().dataSync()[0];
    const exact = (at(2) - at(0)) / 2;
    const gradient = [...tf.grad((x) => pool(x).sum())(tf.ones([1, 3, 3, 1])).dataSync()];
    const total = gradient.reduce((a, b) => a + b);
    log(`${name}: gradient of a corner ${gradient[0].toFixed(4)}, by differences ${exact.toFixed(4)}; all nine add up to ${total.toFixed(3)} (expected 9)`);
    same &&= Math.abs(gradient[0] - 4 / 9) < 1e-5 && Math.abs(exact - 25 / 36) < 1e-3 && Math.abs(total - 49 / 9) < 1e-4;
  }
  log(same ? "as found" : "CHANGED");
  process.exit(same ? 0 : 1);
});
JS
node check.cjs

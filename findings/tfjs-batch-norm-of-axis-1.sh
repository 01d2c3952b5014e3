#!/bin/sh
# TensorFlow.js 4.22.0, backend cpu: batchNormalization({axis: 1}) takes the statistics of the wrong channels.
# Expected (Keras): [batch, channels, ...] normalised channel by channel.
# Seen: the numbers of all channels are taken in turn, value by value along the last axis, with no error: of two channels
# with the means 0 and 100 half of each channel's values is off by 100.
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
  const layer = tf.layers.batchNormalization({ axis: 1, epsilon: 1e-7, inputShape: [2, 2, 2] });
  const model = tf.sequential({ layers: [layer] });
  layer.setWeights([tf.ones([2]), tf.zeros([2]), tf.tensor([0, 100]), tf.ones([2])]);
  const y = [...model.predict(tf.zeros([1, 2, 2, 2])).dataSync()].map(Math.round);
  console.log(`tfjs ${tf.version.tfjs}: zeros [1, 2, 2, 2], axis 1, means 0 and 100`);
  console.log(`  ${y.join(" ")} (Keras: 0 0 0 0 -100 -100 -100 -100)`);
  const same = y.map((v) => v + 0).join() === "0,-100,0,-100,0,-100,0,-100";
  console.log(same ? "as found: channels are taken in turn" : "CHANGED");
  process.exit(same ? 0 : 1);
})();
JS
node check.cjs 2>/dev/null

#!/bin/sh
# TensorFlow.js 4.22.0: UpSampling2D with interpolation "bilinear" puts the first new place on the edge's value.
# Expected (Keras, PyTorch with align_corners False, ONNX half_pixel): places lie half a place within the edge, so that
# 0 8 doubled is 0 2 6 8.
# Seen: 0 4 8 8, with no error: all of the image moves by a quarter of a place.
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
  const layer = tf.layers.upSampling2d({ size: [1, 2], interpolation: "bilinear", inputShape: [1, 2, 1] });
  const model = tf.sequential({ layers: [layer] });
  const y = [...model.predict(tf.tensor4d([0, 8], [1, 1, 2, 1])).dataSync()];
  console.log(`tfjs ${tf.version.tfjs}: 0 8, twice as many places, bilinear`);
  console.log(`  ${y.join(" ")} (Keras: 0 2 6 8)`);
  const same = y.join() === "0,4,8,8";
  console.log(same ? "as found: from the edge on" : "CHANGED");
  process.exit(same ? 0 : 1);
})();
JS
node check.cjs 2>/dev/null

#!/bin/sh
# npm @tensorflow/tfjs 4.22.0: a dropout layer with a seed drops the same units in every step.
# Expected (Keras): the seed decides the whole sequence of masks, and each call draws the next one.
# Seen: every call has the first mask again. Units that it drops are never trained, and the rest never does without each
# other: what dropout is for does not happen. Without a seed masks change.
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
  const masks = (options) => {
    const layer = tf.layers.dropout({ rate: 0.5, ...options });
    return new Set(Array.from({ length: 20 }, () => layer.apply(tf.ones([1, 32]), { training: true }).dataSync().join("")));
  };
  const [seeded, free] = [masks({ seed: 3 }).size, masks({}).size];
  log(`@tensorflow/tfjs 4.22.0, different masks in 20 steps: with a seed ${seeded} (expected 20), without ${free}`);
  const same = seeded === 1 && free === 20;
  log(same ? "as found" : "CHANGED");
  process.exit(same ? 0 : 1);
});
JS
node check.cjs

#!/bin/sh
# npm @tensorflow/tfjs 4.22.0: globalAveragePooling1d behind an embedding with maskZero averages the padding too.
# Expected (Keras): steps that the mask leaves out do not count, as they do not in lstm, gru and simpleRNN here.
# Seen: the same sentence has another average for every length that it is padded to; nothing is said.
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
  const through = (layer) => {
    const embedding = tf.layers.embedding({ inputDim: 3, outputDim: 1, maskZero: true, inputShape: [null] });
    const model = tf.sequential({ layers: [embedding, layer] });
    embedding.setWeights([tf.tensor2d([[9], [1], [3]])]);
    return [[1, 2], [1, 2, 0, 0]].map((row) => model.predict(tf.tensor2d([row])).dataSync()[0]);
  };
  const average = through(tf.layers.globalAveragePooling1d());
  const ones = { kernelInitializer: "ones", recurrentInitializer: "ones", activation: "linear" };
  const sum = through(tf.layers.simpleRNN({ units: 1, ...ones }));
  log("@tensorflow/tfjs 4.22.0, values 1 and 3, then the same with two steps of padding (value 9)");
  log(`globalAveragePooling1d  ${average} (expected 2,2)`);
  log(`simpleRNN that adds     ${sum} (expected 4,4)`);
  const same = average.join() === "2,5.5" && sum.join() === "4,4";
  log(same ? "as found" : "CHANGED");
  process.exit(same ? 0 : 1);
});
JS
node check.cjs

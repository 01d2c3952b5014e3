#!/bin/sh
# npm @tensorflow/tfjs 4.22.0: constraints on weights (maxNorm, nonNeg, unitNorm, minMaxNorm) are accepted and never applied.
# Expected (Keras): after every step of training the weight is put back within its constraint.
# Seen: weights go where the optimizer takes them: four of -3 under nonNeg stay below 0, four of 3 under a norm of 2 at most keep a norm above 5, with nothing said. The constraint's own apply() is right, so calling it after each batch helps.
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
tf.setBackend("cpu").then(async () => {
  const ways = {
    nonNeg: [tf.constraints.nonNeg(), -3, "all 0 or above", (w) => w.every((v) => v >= 0)],
    maxNorm: [tf.constraints.maxNorm({ maxValue: 2, axis: 0 }), 3, "norm 2 at most", (w) => Math.hypot(...w) < 2.001],
    unitNorm: [tf.constraints.unitNorm({ axis: 0 }), 3, "norm 1", (w) => Math.abs(Math.hypot(...w) - 1) < 1e-3],
    minMaxNorm: [tf.constraints.minMaxNorm({ minValue: 0, maxValue: 1, axis: 0 }), 3, "norm 1 at most", (w) => Math.hypot(...w) < 1.001],
  };
  log("@tensorflow/tfjs 4.22.0, a dense layer of four weights after two steps");
  let same = true;
  for (const [name, [kernelConstraint, value, wanted, holds]] of Object.entries(ways)) {
    const kernelInitializer = tf.initializers.constant({ value });
    const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, useBias: false, inputShape: [4], kernelInitializer, kernelConstraint })] });
    model.compile({ loss: "meanSquaredError", optimizer: "adam" });
    await model.fit(tf.ones([1, 4]), tf.zeros([1, 1]), { epochs: 2, verbose: 0 });
    const [w] = model.getWeights();
    const [trained, applied] = [[...w.dataSync()], [...kernelConstraint.apply(w).dataSync()]];
    log(`${name.padEnd(10)} ${trained.map((v) => v.toFixed(3)).join(" ")} (expected ${wanted}); apply() by hand: ${applied.map((v) => v.toFixed(3)).join(" ")}`);
    same &&= !holds(trained) && holds(applied) && Math.abs(trained[0] - value) < 0.01;
  }
  log(same ? "as found" : "CHANGED");
  process.exit(same ? 0 : 1);
});
JS
node check.cjs

#!/bin/sh
# npm @tensorflow/tfjs 4.22.0: the loss of a model with kernelRegularizer has the penalty while it trains, and not in evaluate or in val_loss.
# Expected (Keras): one loss, the penalty in it everywhere.
# Seen: of a net that is right everywhere and has one weight of 1 under an L2 of 1, loss is 1, val_loss 0 and evaluate 0. The usual two curves, loss and val_loss, are of two things, and val_loss lies below for a net that overfits.
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
  const layer = tf.layers.dense({ units: 1, useBias: false, inputShape: [1], kernelInitializer: "ones", kernelRegularizer: tf.regularizers.l2({ l2: 1 }) });
  const model = tf.sequential({ layers: [layer] });
  model.compile({ loss: "meanSquaredError", optimizer: tf.train.sgd(0) });
  const [x, y] = [tf.zeros([2, 1]), tf.zeros([2, 1])];
  const { history } = await model.fit(x, y, { epochs: 1, verbose: 0, validationData: [x, y] });
  const [evaluated, batch] = [model.evaluate(x, y).dataSync()[0], await model.trainOnBatch(x, y)];
  log("@tensorflow/tfjs 4.22.0, errors 0, penalty 1, the same rows for training and validation (expected 1 everywhere)");
  log(`fit's loss ${history.loss[0]}, val_loss ${history.val_loss[0]}, evaluate ${evaluated}, trainOnBatch ${batch}`);
  const same = history.loss[0] === 1 && history.val_loss[0] === 0 && evaluated === 0 && batch === 1;
  log(same ? "as found" : "CHANGED");
  process.exit(same ? 0 : 1);
});
JS
node check.cjs

#!/bin/sh
# TensorFlow.js 4.22.0: tf.train.adadelta(lr, rho, epsilon) is plain gradient descent, whatever rho and epsilon are.
# Expected (Zeiler 2012, and PyTorch and Keras): steps scaled by running averages of squared gradients and squared steps,
# so a first gradient of 0.1 moves a weight by far less than lr * 0.1 at lr 1.
# Seen: w - lr * g at every step, to the last bit of f32, for three settings that have nothing in common.
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
  const gradients = [0.1, 0.2, -0.3];
  let same = true;
  for (const [lr, rho, epsilon] of [[1, 0.9, 1e-6], [0.1, 0.5, 1e-3], [0.001, 0.99, 1e-7]]) {
    const w = tf.variable(tf.scalar(1));
    const optimizer = tf.train.adadelta(lr, rho, epsilon);
    let descent = 1;
    let [squares, steps, adadelta] = [0, 0, 1];
    const seen = [];
    const wanted = [];
    for (const g of gradients) {
      optimizer.applyGradients({ [w.name]: tf.scalar(g) });
      seen.push(w.dataSync()[0]);
      descent -= lr * g;
      squares = rho * squares + (1 - rho) * g * g;
      const step = Math.sqrt((steps + epsilon) / (squares + epsilon)) * g;
      steps = rho * steps + (1 - rho) * step * step;
      adadelta -= lr * step;
      wanted.push(adadelta);
      same &&= Math.abs(seen.at(-1) - descent) < 1e-6;
    }
    console.log(`tfjs ${tf.version_core}, lr ${lr}, rho ${rho}, epsilon ${epsilon}`);
    console.log(`  Adadelta: ${wanted.map((v) => v.toFixed(6)).join(" ")}`);
    console.log(`  seen:     ${seen.map((v) => v.toFixed(6)).join(" ")}`);
  }
  console.log(same ? "as found: gradient descent" : "CHANGED: no longer gradient descent");
  process.exit(same ? 0 : 1);
})();
JS
node check.cjs

#!/bin/sh
# npm @tensorflow/tfjs 4.22.0: heNormal, glorotNormal and leCunNormal are an eighth too narrow, and varianceScaling with the distribution "truncatedNormal" is uniform.
# Expected (Keras, whose names and settings these are): a normal cut off at two deviations and widened again, so that the deviation is sqrt(2 / fan in) and so on.
# Seen: cut off and not widened, 0.88 of that; of "truncatedNormal" no value is beyond sqrt(3) deviations and all between are as frequent. Ten such layers behind each other start with signals 0.28 of what they should be.
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
  const spread = (distribution) => tf.initializers.varianceScaling({ scale: 1, mode: "fanIn", distribution, seed: 3 });
  const ways = {
    heNormal: [tf.initializers.heNormal({ seed: 3 }), Math.sqrt(2 / 400)],
    glorotNormal: [tf.initializers.glorotNormal({ seed: 3 }), Math.sqrt(1 / 400)],
    leCunNormal: [tf.initializers.leCunNormal({ seed: 3 }), Math.sqrt(1 / 400)],
    "varianceScaling, truncatedNormal": [spread("truncatedNormal"), Math.sqrt(1 / 400)],
    "varianceScaling, uniform": [spread("uniform"), Math.sqrt(1 / 400)],
  };
  log("@tensorflow/tfjs 4.22.0, weights [400, 400]; a normal cut off at two deviations and widened has its largest at 2.27");
  let same = true;
  for (const [name, [initializer, wanted]] of Object.entries(ways)) {
    const w = initializer.apply([400, 400]).dataSync();
    const deviation = Math.sqrt(w.reduce((sum, v) => sum + v * v, 0) / w.length);
    const largest = w.reduce((most, v) => Math.max(most, Math.abs(v)), 0) / deviation;
    log(`${name.padEnd(33)} deviation ${deviation.toFixed(4)} (expected ${wanted.toFixed(4)}, so ${(deviation / wanted).toFixed(2)}), largest ${largest.toFixed(2)} deviations`);
    const uniform = name.startsWith("variance");
    same &&= Math.abs(deviation / wanted - (uniform ? 1 : 0.88)) < 0.01 && Math.abs(largest - (uniform ? 1.73 : 2.27)) < 0.01;
  }
  log(same ? "as found" : "CHANGED");
  process.exit(same ? 0 : 1);
});
JS
node check.cjs

#!/bin/sh
# npm @tensorflow/tfjs 4.22.0: a seed of 0 is no seed for randomNormal, truncatedNormal and multinomial.
# Expected: the same numbers for the same seed, 0 among them, as randomUniform and dropout give.
# Seen: other numbers in every call with 0, equal ones with 1. 0 is what people write first to have a run repeated.
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
    randomNormal: (seed) => tf.randomNormal([8], 0, 1, "float32", seed),
    truncatedNormal: (seed) => tf.truncatedNormal([8], 0, 1, "float32", seed),
    multinomial: (seed) => tf.multinomial(tf.zeros([1000]), 8, seed),
    randomUniform: (seed) => tf.randomUniform([8], 0, 1, "float32", seed),
    dropout: (seed) => tf.dropout(tf.ones([64]), 0.5, null, seed),
  };
  const repeats = (way, seed) => way(seed).dataSync().join() === way(seed).dataSync().join();
  const seen = Object.entries(ways).map(([name, way]) => [name, repeats(way, 0), repeats(way, 1)]);
  log("@tensorflow/tfjs 4.22.0, two calls alike (expected: always)");
  for (const [name, zero, one] of seen) log(`${name.padEnd(16)} seed 0 ${zero}, seed 1 ${one}`);
  const same = seen.map(([, zero]) => zero).join() === "false,false,false,true,true" && seen.every(([, , one]) => one);
  log(same ? "as found" : "CHANGED");
  process.exit(same ? 0 : 1);
});
JS
node check.cjs

#!/bin/sh
# npm @tensorflow/tfjs 4.22.0: the gradient of a resize with halfPixelCenters is that of one without.
# Expected: each pixel's gradient has the shares with which it went into the result.
# Seen: for resizeBilinear and resizeNearestNeighbor alike other pixels get it. Twice larger by bilinear, a sum over the result
# should give each of 2 x 2 pixels 4; halved by nearest, pixels that were read get nothing.
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
  const shares = (resize, side, i) => {
    const x = tf.tensor(Array.from({ length: side * side }, (_, k) => Number(k === i)), [1, side, side, 1]);
    return resize(x).sum().dataSync()[0];
  };
  const seen = {};
  const run = (name, side, resize) => {
    const gradient = [...tf.grad((x) => resize(x).sum())(tf.ones([1, side, side, 1])).dataSync()].map((v) => +v.toFixed(4));
    const exact = Array.from({ length: side * side }, (_, i) => +shares(resize, side, i).toFixed(4));
    log(`${name}: ${gradient}`);
    log(`${" ".repeat(name.length)}  ${exact} (expected: what each pixel adds to the sum)`);
    seen[name] = `${gradient};${exact}`;
  };
  log("@tensorflow/tfjs 4.22.0, halfPixelCenters");
  run("bilinear, 2 x 2 to 4 x 4", 2, (x) => tf.image.resizeBilinear(x, [4, 4], false, true));
  run("nearest, 4 x 4 to 2 x 2", 4, (x) => tf.image.resizeNearestNeighbor(x, [2, 2], false, true));
  const [bilinear, nearest] = Object.values(seen);
  const same = bilinear === "2.25,3.75,3.75,6.25;4,4,4,4" && nearest === "1,0,1,0,0,0,0,0,1,0,1,0,0,0,0,0;0,0,0,0,0,1,0,1,0,0,0,0,0,1,0,1";
  log(same ? "as found" : "CHANGED");
  process.exit(same ? 0 : 1);
});
JS
node check.cjs

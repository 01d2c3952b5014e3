#!/bin/sh
# npm @jax-js/jax 0.1.25 beside JAX 0.10.2 (pip): of one key, uniform, bits, split and bernoulli give the same numbers, normal, permutation and categorical others.
# Expected, once the first four agree to the last bit: all of them, so that a net's first weights and the order of its rows can be had again in the other.
# Seen: normal is another transformation of the same bits (both of the right distribution), permutation another shuffle. Weights drawn by uniform can be compared across the two, by normal they cannot.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet jax==0.10.2 >/dev/null
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error @jax-js/jax@0.1.25 >/dev/null
cat >check.py <<'PY'
import json

import jax
from jax import random

key = random.key(0)
values = {
    "bits": random.bits(key, (4,)),
    "split": jax.random.key_data(random.split(key)).ravel(),
    "uniform": random.uniform(key, (4,)),
    "bernoulli": random.bernoulli(key, 0.5, (8,)).astype(int),
    "normal": random.normal(key, (4,)),
    "permutation": random.permutation(key, 5),
    "categorical": random.categorical(key, jax.numpy.zeros(3), shape=(8,)),
}
print(json.dumps({"version": jax.__version__, **{name: v.tolist() for name, v in values.items()}}))
PY
JAX_PLATFORMS=cpu env/bin/python -W ignore check.py >jax.json
cat >check.mjs <<'JS'
import { readFileSync } from "node:fs";
import { defaultDevice, init, numpy as np, random } from "@jax-js/jax";
await init("cpu");
defaultDevice("cpu");
const { version, ...jax } = JSON.parse(readFileSync("jax.json", "utf8"));
const key = () => random.key(0);
const own = {
  bits: random.bits(key(), [4]),
  split: random.split(key()),
  uniform: random.uniform(key(), [4]),
  bernoulli: random.bernoulli(key(), 0.5, [8]),
  normal: random.normal(key(), [4]),
  permutation: random.permutation(key(), 5),
  categorical: random.categorical(key(), np.zeros([3]), { shape: [8] }),
};
console.log(`key 0; @jax-js/jax 0.1.25, JAX ${version}`);
const same = [];
for (const [name, array] of Object.entries(own)) {
  const values = array.js().flat().map(Number);
  if (values.every((v, i) => v === Math.fround(jax[name][i]) || v === jax[name][i])) same.push(name);
  const text = (list) => list.slice(0, 4).map((v) => +v.toPrecision(5)).join(" ");
  console.log(`${name.padEnd(12)} ${text(values)}${same.includes(name) ? "" : `; JAX ${text(jax[name])} (expected the same)`}`);
}
const found = same.join(" ") === "bits split uniform bernoulli";
console.log(found ? "as found" : `CHANGED: the same are ${same.join(" ")}`);
process.exit(found ? 0 : 1);
JS
node check.mjs

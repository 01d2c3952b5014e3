#!/bin/sh
# npm @jax-js/loaders 0.1.1: safetensors.parse refuses a file whose header is not a multiple of four bytes long.
# Expected (the format's text asks for no alignment; safetensors 0.8.0 of Python reads it): values are read wherever they stand, by a copy where need be. Python's writer pads, others do not.
# Seen: "start offset of Float32Array should be a multiple of 4", one more letter in a tensor's name decides. The same file is refused as a view into a larger buffer.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet safetensors==0.8.0 numpy >/dev/null
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error @jax-js/loaders@0.1.1 >/dev/null
cat >check.mjs <<'JS'
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { safetensors } from "@jax-js/loaders";

const values = (list) => [...new Uint8Array(Float32Array.from(list).buffer)];
const file = (tensors, body) => {
  const header = JSON.stringify(tensors);
  const bytes = new Uint8Array(8 + header.length + body.length);
  new DataView(bytes.buffer).setUint32(0, header.length, true);
  bytes.set(Buffer.from(header), 8);
  bytes.set(body, 8 + header.length);
  return bytes;
};
const f32 = (length) => ({ dtype: "F32", shape: [length], data_offsets: [0, 4 * length] });
const named = (letters) => file({ ["w".repeat(letters)]: f32(1) }, values([1.5]));
const letters = [1, 2, 3, 4].find((n) => (named(n).length - 4) % 4 === 0);
const aligned = named(letters);
const within = new Uint8Array(aligned.length + 1);
within.set(aligned, 1);
const cases = {
  "header of a multiple of four bytes": aligned,
  "one letter more": named(letters + 1),
  "the first, a byte into a buffer": within.subarray(1),
};
const python = `import sys; from safetensors.numpy import load; print(list(load(open(sys.argv[1], "rb").read()).values())[0].tolist())`;
const seen = [];
console.log("@jax-js/loaders 0.1.1; safetensors 0.8.0 of Python");
for (const [name, bytes] of Object.entries(cases)) {
  let own;
  try {
    own = Object.values(safetensors.parse(bytes).tensors)[0].data.join();
  } catch (error) {
    own = error.message;
  }
  writeFileSync("file.safetensors", bytes);
  const wanted = execFileSync("env/bin/python", ["-c", python, "file.safetensors"]).toString().trim();
  seen.push(`${/multiple of 4/.test(own) ? "refused" : own} ${wanted}`);
  console.log(`${name.padEnd(35)} ${own}; Python ${wanted}`);
}
const same = seen.join() === "1.5 [1.5],refused [1.5],refused [1.5]";
console.log(same ? "as found" : "CHANGED");
process.exit(same ? 0 : 1);
JS
node check.mjs

#!/bin/sh
# Tint of npm webgpu 0.6.2 (Dawn), with Mesa 26.1.6's compiler for NVIDIA GPUs (NVK; here as if for an RTX 30) behind it: a loop from 0 in steps of one is counted a second time unless its end is a constant.
# Expected: `for (var i = 0u; i < end; i++)`, where `end` is a `let`, ends as surely as with a constant, so nothing is put into it to make it end.
# Seen: a counter of 64 bits in two variables, taken down and compared in every turn, whether the end is a `let` or read from a uniform. The same loop to a constant that is never reached, with a break at the `let`, has none, though a comparison more.
# Needs root and debootstrap, and some minutes unless ISA_ROOT is a folder that bench/isa/setup.sh has made.
set -eu
tool=$(cd "$(dirname "$0")/../bench/isa" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error webgpu@0.6.2 >/dev/null
if [ -z "${ISA_ROOT:-}" ]; then
  ISA_ROOT=$folder/root
  bash "$tool/setup.sh" "$ISA_ROOT" >/dev/null
fi
mkdir wgsl
cat >write.cjs <<'JS'
const { writeFileSync } = require("node:fs");
const heads = {
  uniform: "for (var i = 0u; i < n.x; i++) {",
  let: "for (var i = 0u; i < end; i++) {",
  constant: "for (var i = 0u; i < 0x10000000u; i++) { if (i >= end) { break; }",
};
for (const [name, head] of Object.entries(heads)) {
  writeFileSync(`wgsl/${name}.wgsl`, `@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> c: array<f32>;
@group(0) @binding(2) var<uniform> n: vec4<u32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let end = n.x;
  var sum = 0.0;
  ${head}
    sum = fma(sum, 0.5, a[i * 64u + id.x]);
  }
  c[id.x] = sum;
}`);
}
JS
node write.cjs
bash "$tool/measure.sh" "$ISA_ROOT" node_modules/webgpu nv174 wgsl out >/dev/null 2>&1
cat >check.cjs <<'JS'
const { readFileSync } = require("node:fs");
const { kernels } = JSON.parse(readFileSync("out/index.json", "utf8"));
console.log(readFileSync("node_modules/webgpu/package.json", "utf8").match(/"version": "[^"]+"/)[0]);
const of = (name) => {
  const { statistics, texts } = JSON.parse(readFileSync(`out/${kernels[name].captures[0]}`, "utf8")).executables[0];
  const nir = readFileSync(`out/${texts.find((t) => t.name.includes("NIR")).file}`, "utf8");
  // What runs from turn to turn: index, sum, and the counter's halves.
  const phis = nir.split("\n").filter((line) => /= phi /.test(line) && /loop|b\d+:.*b\d+:/.test(line)).length;
  return { instructions: statistics["Instruction count"], phis };
};
const seen = Object.fromEntries(["uniform", "let", "constant"].map((name) => [name, of(name)]));
for (const [name, { instructions, phis }] of Object.entries(seen)) {
  console.log(`end is ${name === "constant" ? "a constant, left at a let" : `a ${name}`}: ${instructions} instructions, ${phis} values from turn to turn`);
}
console.log("expected: a let like a constant; seen: as many instructions as with a uniform, and a counter besides");
process.exit(seen.let.instructions - seen.constant.instructions >= 4 && seen.let.phis > seen.constant.phis ? 0 : 1);
JS
node check.cjs

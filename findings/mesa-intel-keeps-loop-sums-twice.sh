#!/bin/sh
# Mesa 26.1.6's compiler for Intel GPUs (ANV; here as if for dg2) through Dawn of npm webgpu 0.6.2: a sum that a turn of a loop adds to twice takes two registers, not one.
# Expected (Mesa's compilers for AMD, NVIDIA and Apple: the same number of registers either way): what a sum was before is dead once it is added to, so its register serves again.
# Seen: 24 sums of a wave of 16 take 67 registers with one addition a turn and 116 with two; 32 sums 83 and, with 25 spills, 149. A loop's variable keeps its register from the loop's head to its end, and what it is in between has another.
# Needs root and debootstrap, and some minutes unless ISA_ROOT is a folder that bench/isa/setup.sh --intel has made.
set -eu
tool=$(cd "$(dirname "$0")/../bench/isa" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error webgpu@0.6.2 >/dev/null
if [ -z "${ISA_ROOT:-}" ]; then
  ISA_ROOT=$folder/root
  bash "$tool/setup.sh" "$ISA_ROOT" --intel >/dev/null
fi
mkdir wgsl
cat >write.cjs <<'JS'
const { writeFileSync } = require("node:fs");
/** Each addition waits for the sums before it, so that no compiler can put those of a turn together. */
function kernel(count, times) {
  const sums = Array.from({ length: count }, (_, i) => i);
  const turn = (name) => `
    let ${name} = a[next + lane];
    ${sums.map((i) => `s${i} = fma(${name}, ${1.5 + i * 0.25}, s${i});`).join("\n    ")}
    next = select(next + 64u, 0u, ${sums.map((i) => `s${i}`).join(" + ")} > 1e30);`;
  return `@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> c: array<f32>;
@group(0) @binding(2) var<uniform> n: vec4<u32>;
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  ${sums.map((i) => `var s${i} = 0.0;`).join(" ")}
  var next = 0u;
  for (var q = 0u; q < n.x; q++) {${["t", "u"].slice(0, times).map(turn).join("")}
  }
  ${sums.map((i) => `c[${i}u * 64u + lane] = s${i};`).join(" ")}
}`;
}
for (const count of [24, 32]) for (const times of [1, 2]) writeFileSync(`wgsl/${count}-${times}.wgsl`, kernel(count, times));
JS
node write.cjs
for device in navi31 dg2; do
  bash "$tool/measure.sh" "$ISA_ROOT" node_modules/webgpu "$device" wgsl "out/$device" >/dev/null 2>&1
done
cat >check.cjs <<'JS'
const { readFileSync } = require("node:fs");
const of = (device) => {
  const { kernels } = JSON.parse(readFileSync(`out/${device}/index.json`, "utf8"));
  return Object.fromEntries(
    Object.entries(kernels).map(([name, { captures }]) => {
      const { statistics: s } = JSON.parse(readFileSync(`out/${device}/${captures[0]}`, "utf8")).executables[0];
      const spills = s["Spilled VGPRs"] ?? s.Spills ?? 0;
      return [name, { registers: s.VGPRs ?? s["Max live registers"], spills }];
    }),
  );
};
const [amd, intel] = [of("navi31"), of("dg2")];
console.log(readFileSync("node_modules/webgpu/package.json", "utf8").match(/"version": "[^"]+"/)[0]);
for (const [name, device] of [["navi31", amd], ["dg2", intel]]) {
  for (const [kernel, { registers, spills }] of Object.entries(device)) {
    const [count, times] = kernel.split("-");
    console.log(`${name}: ${count} sums, added to ${times} times a turn: ${registers} registers, ${spills} spills`);
  }
}
const twice = (device) => device["24-2"].registers - device["24-1"].registers;
console.log(`expected: about as many registers for two additions a turn; seen: ${twice(amd)} more on navi31, ${twice(intel)} more on dg2`);
process.exit(twice(amd) < 8 && twice(intel) >= 40 && intel["32-2"].spills > 0 ? 0 : 1);
JS
node check.cjs

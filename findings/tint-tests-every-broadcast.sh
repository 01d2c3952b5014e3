#!/bin/sh
# Tint of npm webgpu 0.6.2 (Dawn), with Mesa 26.1.6's driver for NVIDIA GPUs (NVK; here as if for an RTX 30) behind it: every subgroupBroadcast is tested for whether the subgroup has so many invocations, a constant below its least size too.
# Expected: an adapter whose subgroups have 32 invocations and no fewer has the one with number 7, so `subgroupBroadcast(x, 7u)` is one instruction, as `subgroupBroadcastFirst(x)` is.
# Seen: invocations are counted once, by a sum over the subgroup, and behind each broadcast there is a comparison with that and a selection of the value or 0. Compilers keep all three. A product whose rows are handed round so lost half its instruction slots on Intel's GPUs.
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
const ways = {
  broadcast: [4, 5, 6, 7].map((i) => `subgroupBroadcast(x, ${i}u)`).join(" + "),
  first: "subgroupBroadcastFirst(x) + subgroupBroadcastFirst(x * 2.0) + subgroupBroadcastFirst(x * 3.0) + subgroupBroadcastFirst(x * 5.0)",
};
for (const [name, sum] of Object.entries(ways)) {
  writeFileSync(`wgsl/${name}.wgsl`, `enable subgroups;
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> c: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let x = a[id.x];
  c[id.x] = ${sum};
}`);
}
JS
node write.cjs
bash "$tool/measure.sh" "$ISA_ROOT" node_modules/webgpu nv174 wgsl out >/dev/null 2>&1
cat >check.cjs <<'JS'
const { readFileSync } = require("node:fs");
const { kernels, subgroups } = JSON.parse(readFileSync("out/index.json", "utf8"));
console.log(readFileSync("node_modules/webgpu/package.json", "utf8").match(/"version": "[^"]+"/)[0]);
console.log(`subgroups of ${subgroups.join(" to ")} invocations`);
/** How often SPIR-V's instruction with this number is there. */
const count = (name, wanted) => {
  const bytes = readFileSync(`out/${kernels[name].captures[0].replace("json", "spv")}`);
  let found = 0;
  for (let at = 20; at < bytes.length; at += 4 * bytes.readUInt16LE(at + 2)) {
    if (bytes.readUInt16LE(at) === wanted) found++;
  }
  return found;
};
const [select, sum] = [169, 349];
const seen = Object.fromEntries(["broadcast", "first"].map((n) => [n, { selections: count(n, select), sums: count(n, sum) }]));
for (const [name, { selections, sums }] of Object.entries(seen)) {
  console.log(`four of ${name}: ${selections} selections, ${sums} sums over the subgroup`);
}
console.log("expected: as many selections for either; seen: four more, and a sum over the subgroup");
const { broadcast, first } = seen;
process.exit(subgroups[0] > 7 && broadcast.selections === first.selections + 4 && broadcast.sums > first.sums ? 0 : 1);
JS
node check.cjs

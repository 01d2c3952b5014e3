#!/usr/bin/env bash
# Packs the built project for a Linux machine of the same architecture that has a Vulkan driver but no Node:
#   npm run build && bash bench/pack.sh FOLDER
# FOLDER then holds Node, the npm package webgpu and dist/. Copy it there and run
#   bash FOLDER/run.sh dist/bench/hardware.js OUT        (or dist/cli/main.js with a command)
# SWIFTSHADER=DIR adds the software driver of that folder, which run.sh takes where the machine names no driver.
set -euo pipefail
out=${1:?usage: bash bench/pack.sh FOLDER}
cd "$(dirname "$0")/.."
[ -f dist/bench/hardware.js ] || { echo "dist/bench/hardware.js is not there: npm run build first" >&2; exit 1; }
mkdir -p "$out/node_modules"
cp "$(readlink -f "$(command -v node)")" "$out/node"
platform=$(node -p '`${process.platform}-${process.arch}`')
for package in webgpu debug ms; do
  rm -rf "$out/node_modules/$package"
  cp -r "node_modules/$package" "$out/node_modules/"
done
# Dawn comes built for five platforms; one is wanted.
find "$out/node_modules/webgpu/dist" -mindepth 1 -maxdepth 1 ! -name "$platform" -exec rm -r {} +
rm -rf "$out/dist"
cp -r dist package.json "$out/"
[ -z "${SWIFTSHADER:-}" ] || cp -r "$SWIFTSHADER" "$out/swiftshader"
cat >"$out/run.sh" <<'RUN'
#!/usr/bin/env bash
# Runs a Node script of this folder on this machine's Vulkan driver: bash run.sh SCRIPT [ARG ...]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
script=${1:?usage: bash run.sh SCRIPT [ARG ...]}; shift
software=$here/swiftshader/vk_swiftshader_icd.json
if [ -f "$software" ] && [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] &&
  ! ls /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json >/dev/null 2>&1; then
  export VK_DRIVER_FILES=$software VK_ICD_FILENAMES=$software LD_LIBRARY_PATH=$here/swiftshader:${LD_LIBRARY_PATH:-}
fi
exec "$here/node" "$here/$script" "$@"
RUN
du -sh "$out"

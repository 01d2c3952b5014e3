#!/bin/sh
# npm webgpu 0.6.2 (Dawn for Node): a listener of a GPUDevice that was added with a signal still hears after the abort.
# Expected (DOM, and any EventTarget of Node): aborting the signal removes the listener.
# Seen: it is called again, so it also keeps alive what it refers to; { once: true } is honoured. No driver is needed:
# the backend is the one that computes nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error webgpu@0.6.2 >/dev/null
cat >check.cjs <<'JS'
import("webgpu").then(async ({ create, globals }) => {
  Object.assign(globalThis, globals);
  const gpu = create(["backend=null"]);
  const device = await (await gpu.requestAdapter()).requestDevice();
  const stop = new AbortController();
  const calls = { signal: 0, once: 0 };
  device.addEventListener("uncapturederror", () => calls.signal++, { signal: stop.signal });
  device.addEventListener("uncapturederror", () => calls.once++, { once: true });
  // Two usages that may not go together: an error that nobody catches, which is what the event tells.
  const fault = async () => {
    device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.MAP_WRITE });
    await device.queue.onSubmittedWorkDone();
    await new Promise((resolve) => setTimeout(resolve, 100));
  };
  await fault();
  stop.abort();
  await fault();
  console.log(`webgpu 0.6.2: with a signal, aborted after the first event: called ${calls.signal} times (expected 1)`);
  console.log(`              with once: called ${calls.once} times`);
  const same = calls.signal === 2 && calls.once === 1;
  console.log(same ? "as found" : "CHANGED");
  process.exit(same ? 0 : 1);
});
JS
node check.cjs

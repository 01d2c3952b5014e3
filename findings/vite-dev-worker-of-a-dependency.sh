#!/bin/sh
# Vite 7.3.8: a dependency that starts a worker from its own file loses that file in the dev server.
# Expected: new Worker(new URL("./thread.js", import.meta.url)), as Vite's guide has it and `vite build` bundles it, finds
# thread.js of the dependency.
# Seen: dev bundles the dependency into .vite/deps and leaves thread.js behind; the address that is asked for then is not
# the script. Vite 8.3.8 serves it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >check.mjs <<'JS'
import { createServer, version } from "vite";

const server = await createServer({ root: process.cwd(), logLevel: "silent", server: { port: 0, host: "127.0.0.1" } });
await server.listen();
const { port } = server.httpServer.address();
const get = async (path) => {
  const answer = await fetch(new URL(path, `http://127.0.0.1:${port}/`), { headers: { accept: "*/*" } });
  return { type: answer.headers.get("content-type") ?? "", text: answer.ok ? await answer.text() : "" };
};
const main = await get("/main.js");
const path = /from "([^"]*starts-worker[^"]*)"/.exec(main.text)[1];
const code = (await get(path)).text;
const [, relative] = /new URL\(\s*(?:\/\*.*?\*\/\s*)?["']([^"']*thread[^"']*)["']/.exec(code);
const thread = await get(new URL(relative, `http://127.0.0.1:${port}${path}`).pathname);
const served = thread.type.includes("javascript") && thread.text.includes("hello");
console.log(`vite ${version}: the dependency comes as ${path.split("?")[0]}, its worker as ${relative.split("?")[0]}`);
console.log(`  the worker's file is ${served ? "served" : `not served (${thread.type || "nothing"})`}`);
await server.close();
process.exit(served ? 0 : 1);
JS
# A project with that Vite; the dependency is put beside it, as npm would.
of() {
  mkdir -p "$1"
  cp check.mjs "$1"
  cd "$1"
  echo '{ "private": true, "type": "module" }' >package.json
  npm install --no-audit --no-fund --ignore-scripts --loglevel=error "vite@$1" >/dev/null
  mkdir node_modules/starts-worker
  echo '{ "name": "starts-worker", "version": "1.0.0", "type": "module", "exports": "./index.js" }' \
    >node_modules/starts-worker/package.json
  echo 'export const start = () => new Worker(new URL("./thread.js", import.meta.url), { type: "module" });' \
    >node_modules/starts-worker/index.js
  echo 'postMessage("hello");' >node_modules/starts-worker/thread.js
  echo '<script type="module" src="/main.js"></script>' >index.html
  echo 'import { start } from "starts-worker"; start();' >main.js
  served=no
  node check.mjs && served=yes
  cd "$folder"
}
of 7.3.8
seven=$served
of 8.3.8
if [ "$seven $served" = "no yes" ]; then echo "as found"; else echo "CHANGED"; exit 1; fi

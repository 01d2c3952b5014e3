#!/bin/sh
# npm 11.19.1: two versions of a package, one by an alias, have a command of the same name; which one node_modules/.bin
# holds depends on how they were installed.
# Expected: one package.json and one lock give one command, that of the package whose own name is asked for.
# Seen: an alias that is added to an installed project takes tsc over (5.2.2); npm ci, of the very same lock, gives 5.9.3.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir tool project
(cd tool && npm init -y >/dev/null && npm install --no-audit --no-fund --loglevel=error npm@11.19.1 >/dev/null)
pinned() {
  node "$folder/tool/node_modules/npm/bin/npm-cli.js" "$@" --no-audit --no-fund --loglevel=error >/dev/null
}
cd project
npm init -y >/dev/null
pinned install typescript@5.9.3
pinned install typescript-5.2@npm:typescript@5.2.2
added=$(node_modules/.bin/tsc --version)
pinned ci
fresh=$(node_modules/.bin/tsc --version)
echo "npm 11.19.1: typescript 5.9.3, and 5.2.2 as typescript-5.2"
echo "  tsc once the alias was added: $added"
echo "  tsc after npm ci:             $fresh"
if [ "$added; $fresh" = "Version 5.2.2; Version 5.9.3" ]; then echo "as found"; else echo "CHANGED"; exit 1; fi

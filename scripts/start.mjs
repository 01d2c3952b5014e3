import { spawn } from "node:child_process";
import { ensureInstalled } from "./installed.mjs";
import { root } from "./process.mjs";

/**
 * npm start: installs what is missing, builds the page and serves it on this machine until it is stopped.
 * package.json calls it with `exec`, so that no shell stands between npm and this process: signals arrive, and the
 * status 0 too. Windows has no `exec`, says so, and takes the second half.
 */

await ensureInstalled();
const stop = () => process.exit(0);
process.once("SIGINT", stop);
process.once("SIGTERM", stop);
process.chdir(root);
const { build, preview } = await import("vite");
console.log("Building the page ...");
await build({ logLevel: "warn" });
const server = await preview({ logLevel: "warn", preview: { open: false } });
const url = `http://localhost:${server.httpServer.address().port}/`;
console.log(`Chainrule is at ${url}`);
console.log("Press Ctrl-C to stop.");
openBrowser(url);

/** Shows the page where somebody sits at a screen: not in CI, over ssh, or where the output goes to a file. */
function openBrowser(address) {
  const { CI, DISPLAY, WAYLAND_DISPLAY, SSH_CONNECTION } = process.env;
  if (CI || SSH_CONNECTION || !process.stdout.isTTY) return;
  const commands = {
    darwin: ["open", address],
    win32: ["cmd", "/c", "start", "", address],
    linux: DISPLAY || WAYLAND_DISPLAY ? ["xdg-open", address] : null,
  };
  const command = commands[process.platform];
  if (!command) return;
  const [program, ...args] = command;
  const child = spawn(program, args, { stdio: "ignore", detached: true });
  // The address is on the screen: a machine without such a program is no error.
  child.on("error", () => undefined);
  child.unref();
}

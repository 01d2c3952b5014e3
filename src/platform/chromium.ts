import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { ChainruleError } from "../core/errors.ts";
import { packagedHome, unpackPackaged } from "./packaged.ts";
import { hasSystemVulkanDriver } from "./vulkan.ts";

/** A browser with WebGPU, ready for playwright's `chromium.launch({ executablePath, args, env })`. */
export interface Chromium {
  readonly executablePath: string;
  readonly args: string[];
  /** The whole environment of the child, not additions to this one. */
  readonly env: Record<string, string>;
  /** One line for people: which browser, on which adapter. */
  readonly description: string;
}

/** On every machine: no first-run pages, and no traffic of the browser's own. */
const QUIET = [
  "--no-first-run",
  "--no-default-browser-check",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-domain-reliability",
  "--disable-sync",
  "--no-pings",
];

/**
 * The browser to test with: CHAINRULE_CHROME, else the machine's own Chrome, Chromium or Edge, else on Linux x64 the
 * headless one in npm @sparticuz/chromium. CHAINRULE_ADAPTER=system or swiftshader forces the adapter.
 */
export async function findChromium(): Promise<Chromium> {
  const named = process.env.CHAINRULE_CHROME;
  if (named && !isProgram(named)) {
    throw new ChainruleError("usage", `CHAINRULE_CHROME is "${named}", which is not a program that can be run.`);
  }
  const installed = named || firstProgram(installedPrograms());
  if (installed) return describe(installed, childEnv(), []);
  if (packagedHome()) {
    const home = await unpackPackaged("browser");
    const libraries = [join(home, "lib"), process.env.LD_LIBRARY_PATH].filter(Boolean).join(":");
    const env = { ...childEnv(), LD_LIBRARY_PATH: libraries, FONTCONFIG_FILE: join(home, "fonts.conf") };
    // A program in a cache folder has no helper to make its sandbox with.
    return describe(join(home, "chromium"), env, ["--no-sandbox"]);
  }
  const last = firstProgram(["/usr/bin/chromium-browser", "/snap/bin/chromium"]);
  if (last) return describe(last, childEnv(), []);
  const advice = "install Chrome, Chromium or Edge, or name one in the environment variable CHAINRULE_CHROME";
  throw new ChainruleError("adapter", `No Chrome or Chromium was found: ${advice}.`);
}

function describe(executablePath: string, env: Record<string, string>, more: string[]): Chromium {
  const software = wantsSoftware();
  const args = [...QUIET, ...more, ...adapterFlags(software)];
  // The sandbox refuses to run as root; /dev/shm is 64 MB in many containers.
  if (process.getuid?.() === 0 && !args.includes("--no-sandbox")) args.push("--no-sandbox");
  if (process.platform === "linux") args.push("--disable-dev-shm-usage");
  const adapter = software ? "SwiftShader (software)" : "the system's GPU";
  return { executablePath, args, env, description: `${executablePath} on ${adapter}` };
}

function adapterFlags(software: boolean): string[] {
  // A crashed GPU process must not leave every later test without an adapter.
  const flags = ["--enable-unsafe-webgpu", "--disable-gpu-process-crash-limit"];
  if (software) return [...flags, "--use-webgpu-adapter=swiftshader"];
  if (process.platform !== "linux") return flags;
  // Headless Chrome on Linux does not use the GPU unless it is told to.
  return [
    ...flags,
    "--ignore-gpu-blocklist",
    "--enable-features=Vulkan",
    "--use-angle=vulkan",
    "--disable-vulkan-surface",
  ];
}

/** Linux: a driver without a device is a software driver, which Chrome does not take by itself. */
function wantsSoftware(): boolean {
  if (process.env.CHAINRULE_ADAPTER === "swiftshader") return true;
  if (process.env.CHAINRULE_ADAPTER === "system" || process.platform !== "linux") return false;
  const nodes = existsSync("/dev/dri") ? readdirSync("/dev/dri") : [];
  const device = nodes.some((name) => name.startsWith("renderD")) || existsSync("/dev/nvidia0");
  return !(device && hasSystemVulkanDriver());
}

/** Where Chrome, Chromium and Edge are found when they are installed. */
function installedPrograms(): string[] {
  if (process.platform === "darwin") {
    const names = ["Google Chrome", "Chromium", "Microsoft Edge"];
    const roots = ["/Applications", join(homedir(), "Applications")];
    return names.flatMap((name) => roots.map((root) => join(root, `${name}.app/Contents/MacOS/${name}`)));
  }
  if (process.platform === "win32") {
    const tails = ["Google\\Chrome\\Application\\chrome.exe", "Microsoft\\Edge\\Application\\msedge.exe"];
    const roots = ["PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"].map((name) => process.env[name]);
    return tails.flatMap((tail) => roots.flatMap((root) => (root ? [join(root, tail)] : [])));
  }
  const names = ["google-chrome-stable", "google-chrome", "chromium", "microsoft-edge"];
  // Snap's Chromium may not read our files: it comes last.
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder && !folder.startsWith("/snap"));
  return names.flatMap((name) => [...folders, "/usr/bin", "/opt/google/chrome"].map((folder) => join(folder, name)));
}

function firstProgram(paths: readonly string[]): string | undefined {
  return paths.find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function childEnv(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] != null));
}

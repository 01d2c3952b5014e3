import { readdirSync } from "node:fs";
import { constants, homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { packagedHome, unpackPackaged } from "./packaged.ts";

/** Vulkan on Linux: is there a driver on the system, and can its loader be found by those who ask for it by name? */

const LOADER = "libvulkan.so.1";
/** From <dlfcn.h>: the library stays loaded although Node closes what turns out to be no addon. */
const RTLD_NODELETE = 0x1000;
/** The two names under which a loader takes a list of drivers (the first is newer, and wins). */
const DRIVER_LISTS = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"];

/** True where the Vulkan loader would find a driver's manifest, in the environment or in the usual folders. */
export function hasSystemVulkanDriver(): boolean {
  if (DRIVER_LISTS.some((name) => process.env[name])) return true;
  const listed = [
    process.env.XDG_CONFIG_HOME ?? join(homedir(), ".config"),
    process.env.XDG_CONFIG_DIRS ?? "/etc/xdg",
    process.env.XDG_DATA_HOME ?? join(homedir(), ".local/share"),
    process.env.XDG_DATA_DIRS ?? "/usr/local/share:/usr/share",
    "/etc",
  ].flatMap((list) => list.split(":"));
  return listed.some((folder) => {
    try {
      return readdirSync(join(folder, "vulkan/icd.d")).some((file) => file.endsWith(".json"));
    } catch {
      return false;
    }
  });
}

/**
 * Loads a library into this process, so that a later dlopen by its bare name finds it there. LD_LIBRARY_PATH would
 * do the same, but it is read only when a process starts. Returns false where there is no such library.
 */
function preload(library: string): boolean {
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL | RTLD_NODELETE);
    return true;
  } catch (error) {
    // Loaded, but no Node addon: just what is wanted here.
    return error instanceof Error && error.message.includes("did not self-register");
  }
}

/** Makes a Vulkan loader available to this process: the system's, else the packaged one. */
export async function loadVulkanLoader(): Promise<boolean> {
  if (preload(LOADER)) return true;
  if (!packagedHome()) return false;
  return preload(join(await unpackPackaged("swiftshader"), LOADER));
}

/** The environment for the system's drivers: Mesa complains where it is not told of a folder for its sockets. */
export function systemEnv(): Record<string, string> {
  return { XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? tmpdir() };
}

/** The environment under which a Vulkan loader sees SwiftShader and nothing else. */
export async function swiftshaderEnv(): Promise<Record<string, string>> {
  const manifest = join(await unpackPackaged("swiftshader"), "vk_swiftshader_icd.json");
  const env = systemEnv();
  for (const name of DRIVER_LISTS) env[name] = manifest;
  return env;
}

/** Runs `body` with `env` set. It must read the environment before it returns, that is, not after an await. */
export function withEnv<T>(env: Record<string, string>, body: () => T): T {
  const saved = Object.keys(env).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, env);
  try {
    return body();
  } finally {
    for (const [name, value] of saved) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

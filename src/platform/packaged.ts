import { createReadStream, createWriteStream } from "node:fs";
import { lstat, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { brotliDecompress, createBrotliDecompress } from "node:zlib";
import { ChainruleError } from "../core/errors.ts";
import { untar } from "./untar.ts";

/**
 * npm @sparticuz/chromium carries, for Linux x64, compressed: a headless Chromium, the libraries that it needs beyond
 * glibc (al2023), a font, and SwiftShader with a Vulkan loader. Two folders are made of them, once, in a cache:
 * "swiftshader" for Dawn in Node, and "browser" with all of them, since Chromium looks for SwiftShader beside itself.
 */
export type PackagedPart = "browser" | "swiftshader";

const PACKAGE = "@sparticuz/chromium";
/** Written last into an unpacked folder: the files that must be there and their sizes. */
const MANIFEST = "unpacked.json";
/** The machine's fonts, where it has any, and the packaged one (Open Sans: no Chinese, Japanese or Korean). */
const FONTS_CONF = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>/usr/share/fonts</dir>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="relative">fonts-cache</cachedir>
</fontconfig>
`;
/** How often to try to put a fresh copy in the place of a torn one. */
const ATTEMPTS = 5;

/** The folder of the installed package, or null where it is not installed or not for this platform. */
export function packagedHome(): string | null {
  if (process.platform !== "linux" || process.arch !== "x64") return null;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(PACKAGE)), "..", "..");
  } catch {
    return null;
  }
}

/** Unpacks a part of the package, unless a whole copy of it is in the cache, and returns its folder. */
export async function unpackPackaged(part: PackagedPart): Promise<string> {
  const home = packagedHome();
  if (!home) {
    const why = "Chrome and the software GPU come with the npm package @sparticuz/chromium (Linux x64 only)";
    throw new ChainruleError("adapter", `${why}, which is not installed here: run \`npm install\`.`);
  }
  const { version } = JSON.parse(await readFile(join(home, "package.json"), "utf8")) as { version: string };
  const root = await cacheRoot(version);
  const target = join(root, part);
  if (await isWhole(target)) return target;
  const fresh = await mkdtemp(join(root, `.${part}-`));
  try {
    await writeManifest(fresh, await unpackInto(fresh, home, part));
    return await moveInto(fresh, target);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** Renames are atomic: every process sees all of the folder or nothing, and the first to come wins. */
async function moveInto(fresh: string, target: string): Promise<string> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      await rename(fresh, target);
      return target;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
      if (await isWhole(target)) return target;
      // A torn copy, as a cleaner of /tmp leaves it: set aside, then deleted. Who has its files open keeps them.
      const torn = `${fresh}-torn`;
      await rename(target, torn).catch(() => undefined);
      await rm(torn, { recursive: true, force: true });
    }
  }
  throw new ChainruleError("file", `Could not replace ${target}: other processes keep writing it. Try again.`);
}

/** A folder that only this user can write: what lies in it is executed. */
async function cacheRoot(version: string): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const root = process.env.CHAINRULE_CACHE ?? join(tmpdir(), `chainrule-${uid}-${version}`);
  await mkdir(root, { recursive: true, mode: 0o700 });
  const info = await lstat(root);
  if (!info.isDirectory() || info.uid !== uid || (info.mode & 0o022) !== 0) {
    const hint = "Remove it, or name another folder in the environment variable CHAINRULE_CACHE.";
    throw new ChainruleError("file", `The cache folder ${root} is not this user's alone. ${hint}`);
  }
  return root;
}

async function unpackInto(folder: string, home: string, part: PackagedPart): Promise<string[]> {
  const bin = join(home, "bin");
  const names = await unpackTar(join(bin, "swiftshader.tar.br"), folder);
  if (part === "swiftshader") return names;
  names.push(...(await unpackTar(join(bin, "al2023.tar.br"), folder)));
  names.push(...(await unpackTar(join(bin, "fonts.tar.br"), folder)));
  // The package's own file names folders of the servers that it is meant for.
  await writeFile(join(folder, "fonts.conf"), FONTS_CONF);
  const program = createWriteStream(join(folder, "chromium"), { mode: 0o700 });
  await pipeline(createReadStream(join(bin, "chromium.br")), createBrotliDecompress(), program);
  return [...names, "chromium"];
}

async function unpackTar(packed: string, folder: string): Promise<string[]> {
  return untar(await promisify(brotliDecompress)(await readFile(packed)), folder);
}

async function writeManifest(folder: string, names: string[]): Promise<void> {
  const sizes: Record<string, number> = {};
  for (const name of names) sizes[name] = (await stat(join(folder, name))).size;
  await writeFile(join(folder, MANIFEST), JSON.stringify(sizes));
}

async function isWhole(folder: string): Promise<boolean> {
  try {
    const sizes = JSON.parse(await readFile(join(folder, MANIFEST), "utf8")) as Record<string, number>;
    for (const [name, size] of Object.entries(sizes)) {
      if ((await stat(join(folder, name))).size !== size) return false;
    }
    return true;
  } catch {
    return false;
  }
}

import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { untar } from "../../src/platform/untar.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "untar-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** One ustar entry: a header block, then the data in whole blocks. */
function entry(name: string, data: string, kind = "0", mode = "0000644"): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(mode, 100);
  header.write(data.length.toString(8).padStart(11, "0"), 124);
  header.write(kind, 156);
  header.write("ustar", 257);
  const body = Buffer.alloc(Math.ceil(data.length / 512) * 512);
  body.write(data);
  return Buffer.concat([header, body]);
}

const end = Buffer.alloc(1024);

test("files are written with their folders, and programs can be run", async () => {
  const archive = Buffer.concat([
    entry("a/", "", "5"),
    entry("a/b.txt", "x".repeat(700)),
    entry("run", "#!", "0", "0000755"),
    end,
  ]);
  expect(await untar(archive, folder)).toEqual([join("a", "b.txt"), "run"]);
  expect(await readFile(join(folder, "a/b.txt"), "utf8")).toBe("x".repeat(700));
  if (process.platform !== "win32") expect((await stat(join(folder, "run"))).mode & 0o777).toBe(0o700);
});

test("an entry that leaves the folder, or a link, is refused", async () => {
  await expect(untar(Buffer.concat([entry("../up", "x"), end]), folder)).rejects.toThrow("leaves the folder");
  await expect(untar(Buffer.concat([entry("link", "", "2"), end]), folder)).rejects.toThrow("not supported");
});

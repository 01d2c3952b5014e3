import { expect, test } from "vitest";
import { folderOfEntry, folderOfFiles, MOST_FILES } from "../../src/app/data/folder.ts";

type Tree = { readonly [name: string]: Tree | null };

/** Entries as a browser hands them over for a dropped folder: some at a time, and none at the end. */
function entry(name: string, tree: Tree | null): FileSystemEntry {
  const isDirectory = tree !== null;
  const children = Object.entries(tree ?? {}).map(([child, below]) => entry(child, below));
  return {
    name,
    isDirectory,
    isFile: !isDirectory,
    file: (resolve: (file: File) => void) => resolve(new File(["x"], name)),
    createReader: () => {
      let at = 0;
      return {
        readEntries: (resolve: (entries: FileSystemEntry[]) => void) => {
          resolve(children.slice(at, at + 100));
          at += 100;
        },
      };
    },
  } as unknown as FileSystemEntry;
}
const dropped = (tree: Tree) => folderOfEntry(entry("pets", tree) as FileSystemDirectoryEntry);
const many = (n: number): Tree => Object.fromEntries(Array.from({ length: n }, (_, i) => [`${i}.png`, null]));

test("a dropped folder's images have the names of their folders, whatever else lies there", async () => {
  const { files, classes, name } = await dropped({
    dogs: { "b.JPG": null, "a.png": null, ".DS_Store": null },
    cats: { young: {}, "c.webp": null, "notes.txt": null },
    "cover.png": null,
  });
  expect(name).toBe("pets");
  expect(classes).toEqual(["cats", "dogs", "pets"]);
  expect(files.map(({ path, label }) => [path, label])).toEqual([
    ["pets/cats/c.webp", "cats"],
    ["pets/cover.png", "pets"],
    ["pets/dogs/a.png", "dogs"],
    ["pets/dogs/b.JPG", "dogs"],
  ]);
});

test("no more than so many images are taken, and no folder without end is followed", async () => {
  const folder = await dropped({ a: many(MOST_FILES), b: many(50) });
  expect([folder.files.length, folder.tooMany]).toEqual([MOST_FILES, true]);
  let deep: Tree = { "x.png": null };
  for (let i = 0; i < 20; i++) deep = { d: deep };
  expect((await dropped({ ...deep, "y.png": null })).files.map((f) => f.path)).toEqual(["pets/y.png"]);
});

test("chosen files come with their paths", () => {
  const file = (path: string): File => Object.assign(new File(["x"], "f"), { webkitRelativePath: path });
  const folder = folderOfFiles([file("set/two/b.png"), file("set/one/a.gif"), file("set/read.me")]);
  expect([folder.name, folder.classes]).toEqual(["set", ["one", "two"]]);
  expect(folderOfFiles([])).toMatchObject({ name: "", classes: [], files: [] });
});

import { ChainruleError } from "../../../core/errors.ts";
import { ndarray } from "../../../core/ndarray.ts";
import { type DataSplit, type Dataset, validateDataset } from "../../../data/dataset.ts";
import { dataFormat } from "../format.ts";
import { type ImageReading, readImages } from "./read.ts";

/** An image file by its place, and the part and class that its folders say. */
interface Placed {
  readonly path: string;
  readonly name: string;
}

/** Names of folders that divide rows: those of torchvision's and Keras's data sets, and of most others. */
const PARTS: Readonly<Record<string, "train" | "validation" | "test">> = {
  ...{ train: "train", training: "train", val: "validation", valid: "validation", validation: "validation" },
  ...{ test: "test", testing: "test" },
};
/** Images by their names; other files are left out, and counted. */
const IMAGE = /\.(png|jpe?g)$/i;
/** What systems leave in folders. */
const HIDDEN = /(^|\/)(\.|__MACOSX\/|Thumbs\.db$|desktop\.ini$)/i;

/** What loadImageFolder takes beside the paths. */
export type ImageFolderOptions = Omit<ImageReading, "name" | "shape">;

/** The images among paths within a folder, in the order of their names, and how many other files there are. */
export function imagesAmong(paths: readonly string[]): { readonly images: readonly string[]; readonly others: number } {
  const seen = paths.filter((path) => !HIDDEN.test(path));
  const images = seen.filter((path) => IMAGE.test(path)).sort(byName);
  return { images, others: seen.length - images.length };
}

/** By code units, as Python sorts: the numbers of classes are those that torchvision's ImageFolder gives. */
const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * A data set from images in folders, one a class: `paths` are those of all files, such as "cat/1.png", or "train/cat/1.png"
 * beside "test/cat/2.png" (also val, valid, validation). Classes are numbered in the order of their names. x f32
 * [n, channels * height * width], from 0 to 1, channels first. Throws ChainruleError "data" that names the folder or the
 * file and what is wrong.
 */
export async function loadImageFolder(
  name: string,
  paths: readonly string[],
  options: ImageFolderOptions,
): Promise<DataSplit> {
  const fail = (why: string): never => {
    throw new ChainruleError("data", `${name}: ${why}`);
  };
  const { images } = imagesAmong(paths);
  if (images.length === 0) {
    const other = paths.find((path) => dataFormat(path, new Uint8Array()) !== null);
    const way = other === undefined ? "" : `; rows of a file are asked for by its name, such as ${name}/${other}`;
    fail(`holds no PNG or JPEG files (.png, .jpg, .jpeg)${way}`);
  }
  const loose = images.find((path) => !path.includes("/"));
  if (loose !== undefined) fail(`${loose} lies in no folder of a class: one folder a class, such as ${name}/cat/1.png`);
  const tops = [...new Set(images.map((path) => path.split("/")[0]!))];
  const divided = tops.some((top) => PARTS[top.toLowerCase()] === "train");
  const stray = divided ? tops.find((top) => !Object.hasOwn(PARTS, top.toLowerCase())) : undefined;
  if (stray !== undefined) fail(`holds the folder "${stray}" beside train: parts are train, val and test`);
  const parts = new Map<"train" | "validation" | "test", Placed[]>();
  for (const path of images) {
    const [first, second, ...rest] = path.split("/") as [string, string, ...string[]];
    const part = divided ? PARTS[first.toLowerCase()]! : "train";
    if (divided && rest.length === 0) fail(`${path} lies in no folder of a class: ${first}/cat/${second}`);
    const placed = { path, name: divided ? second : first };
    const list = parts.get(part) ?? [];
    list.push(placed);
    parts.set(part, list);
  }
  const classes = [...new Set(parts.get("train")!.map((image) => image.name))].sort(byName);
  if (classes.length < 2) {
    const within = new Set(images.flatMap((path) => path.split("/").slice(divided ? 2 : 1, -1)[0] ?? []));
    const way = within.size > 1 ? `; if its classes are the folders in "${classes[0]}", name that one` : "";
    fail(`holds one class, "${classes[0]}": one folder a class, and two or more of them${way}`);
  }
  const reading = { ...options, name };
  const dataset = async (
    part: "train" | "validation" | "test",
    shape: readonly number[] | null,
  ): Promise<Dataset | null> => {
    const placed = parts.get(part);
    if (!placed) return null;
    const unknown = placed.find((image) => !classes.includes(image.name));
    if (unknown) fail(`${unknown.path} is of the class "${unknown.name}", of which there is no image to train on`);
    const files = placed.map((image) => image.path);
    const read = await readImages(files, shape ? { ...reading, shape } : reading);
    const y = Int32Array.from(placed, (image) => classes.indexOf(image.name));
    const { height, width } = read;
    return validateDataset({
      ...{ name, x: read.x, y: ndarray([files.length], "i32", y), classes, pixelScale: 255, shape: read.shape },
      ...(read.shape[0] === 1 ? { image: { height, width } } : {}),
      ...(options.size ? { imageSize: [height, width] } : {}),
      targets: ["class"],
      preparation: "pixels from 0 to 1",
    });
  };
  const train = (await dataset("train", null))!;
  const shape = train.shape!;
  const validation = await dataset("validation", shape);
  return { train, test: await dataset("test", shape), ...(validation ? { validation } : {}) };
}

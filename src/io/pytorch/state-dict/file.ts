import { readZip } from "../../zip/zip.ts";
import { findName, STORAGES } from "./names.ts";
import { readPickle } from "./pickle.ts";
import { brief, refuse } from "./refuse.ts";
import type { Storage } from "./tensor.ts";
import { storageOf } from "./tensor.ts";

/** What torch.save wrote: one value, and where the memory of its tensors lies. */
export interface Saved {
  readonly value: unknown;
  readonly little: boolean;
  /** What was seen of the file itself, a sentence each, for people. */
  readonly notes: readonly string[];
  /** The bytes of a storage: the file's own where it is not compressed. */
  readonly bytesOf: (storage: Storage) => Uint8Array;
}

/** A pickle holds names and shapes: a megabyte is a net of thousands of layers. */
const MAX_PICKLE = 2 ** 24;

/** The zip archive of torch 1.6 and later: data.pkl, and each storage in a file of data/, all in one folder. */
export async function readArchive(bytes: Uint8Array): Promise<Saved> {
  const notes: string[] = [];
  // torch.save writes 0 for every CRC where it is told not to compute them, and torch.load compares none.
  const files = await readZip(bytes, {
    withoutCrcs: () =>
      notes.push(
        "saved without CRCs (torch.serialization.set_crc32_options(False)): changed bytes would not be noticed",
      ),
  });
  const names = [...files.keys()];
  const pickle = names.find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined) {
    return refuse(
      `a zip archive without data.pkl is no file of torch.save: it holds ${names.slice(0, 5).map(brief).join(", ")}`,
    );
  }
  const folder = pickle.slice(0, -"data.pkl".length);
  if (files.has(`${folder}constants.pkl`) || names.some((name) => name.startsWith(`${folder}code/`))) {
    refuse(
      'this is TorchScript, which is code: in Python, torch.save(torch.jit.load("model.pt").state_dict(), "weights.pt")',
    );
  }
  const content = files.get(pickle)!;
  if (content.length > MAX_PICKLE) refuse(`data.pkl has ${content.length} bytes; at most ${MAX_PICKLE} are read`);
  const { value } = readPickle(content, { find: findName, load: (key) => storageOf(key, STORAGES) });
  const order = new TextDecoder().decode(files.get(`${folder}byteorder`)?.subarray(0, 16) ?? new Uint8Array()).trim();
  if (!["", "little", "big"].includes(order)) refuse(`the byte order ${brief(order)}; known are little and big`);
  return {
    value,
    little: order !== "big",
    notes,
    bytesOf: ({ key }) => files.get(`${folder}data/${key}`) ?? refuse(`the storage ${brief(key)} is missing`),
  };
}

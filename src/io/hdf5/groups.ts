import { type Hdf5Bytes, refuse } from "./bytes.ts";
import { MESSAGE, type Message } from "./header.ts";

const MOST_LEVELS = 16;

/** The objects in a group by name, with the addresses of their headers. Soft and external links are left out. */
export function readLinks(file: Hdf5Bytes, messages: readonly Message[]): ReadonlyMap<string, number> {
  const links = new Map<string, number>();
  const add = (name: string, address: number): void => {
    if (links.has(name)) refuse(`a group has the name ${JSON.stringify(name.slice(0, 100))} twice`);
    links.set(name, address);
  };
  for (const { type, at } of messages) {
    if (type === MESSAGE.symbolTable) {
      const heap = new Heap(file, file.u64(at + 8));
      for (const node of leaves(file, file.u64(at), 0, 16)) symbols(file, node, heap, add);
    } else if (type === MESSAGE.link) link(file, at, add);
    else if (type === MESSAGE.linkInfo && file.address(at + 2 + (file.u8(at + 1) & 1 ? 8 : 0)) !== null) {
      refuse("a group keeps its links in a heap, which is not read: h5py writes so with track_order or libver latest");
    }
  }
  return links;
}

/** Names of an old group's objects. */
class Heap {
  private readonly at: number;
  private readonly size: number;

  constructor(
    private readonly file: Hdf5Bytes,
    at: number,
  ) {
    file.require(at, "HEAP", "a heap of names");
    this.size = file.u64(at + 8);
    this.at = file.u64(at + 24);
    file.part(this.at, this.size);
  }

  name(offset: number): string {
    if (offset >= this.size) refuse(`a name lies at ${offset} of a heap of ${this.size} bytes`);
    return this.file.string(this.at + offset, Math.min(MOST_NAME, this.size - offset));
  }
}

const MOST_NAME = 1000;

function symbols(file: Hdf5Bytes, node: number, heap: Heap, add: (name: string, address: number) => void): void {
  file.require(node, "SNOD", "a node of names");
  const count = file.u16(node + 6);
  for (let i = 0; i < count; i++) {
    file.step();
    const at = node + 8 + 40 * i;
    const soft = file.u32(at + 16) === 2;
    if (!soft) add(heap.name(file.u64(at)), file.u64(at + 8));
  }
}

function link(file: Hdf5Bytes, at: number, add: (name: string, address: number) => void): void {
  const flags = file.u8(at + 1);
  let place = at + 2;
  const type = flags & 8 ? file.u8(place++) : 0;
  if (flags & 4) place += 8;
  if (flags & 16) place++;
  const width = 1 << (flags & 3);
  const length = file.sized(place, width);
  if (length > MOST_NAME) refuse(`a link's name has ${length} bytes`);
  if (type === 0) add(file.string(place + width, length), file.u64(place + width + length));
}

/**
 * What the leaves of a tree (version 1) hold, in order: the addresses of its children, whose keys have `keyBytes` less
 * the child's eight. `key` is told where each child's key lies.
 */
export function leaves(
  file: Hdf5Bytes,
  root: number,
  type: 0 | 1,
  entryBytes: number,
  key: (at: number) => void = () => {},
): readonly number[] {
  const out: number[] = [];
  const visit = (at: number, level: number | null): void => {
    file.require(at, "TREE", "a tree");
    const here = file.u8(at + 5);
    if (file.u8(at + 4) !== type || here > MOST_LEVELS || (level !== null && here !== level)) {
      refuse(`the tree at byte ${at} is of another kind or depth than it should be`);
    }
    const count = file.u16(at + 6);
    for (let i = 0; i < count; i++) {
      file.step();
      const entry = at + 24 + entryBytes * i;
      const child = file.u64(entry + entryBytes - 8);
      if (here > 0) visit(child, here - 1);
      else {
        key(entry);
        out.push(child);
      }
    }
  };
  visit(root, null);
  return out;
}

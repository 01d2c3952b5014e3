import { type Hdf5Bytes, refuse } from "./bytes.ts";

/** Messages of an object's header (HDF5 File Format Specification 3.0, IV.A.2), by their numbers. */
export const MESSAGE = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  link: 0x06,
  layout: 0x08,
  filters: 0x0b,
  attribute: 0x0c,
  continuation: 0x10,
  symbolTable: 0x11,
  attributeInfo: 0x15,
} as const;

export interface Message {
  readonly type: number;
  /** Where its contents lie. */
  readonly at: number;
  readonly size: number;
}

/** Bit of a message's flags: its contents lie elsewhere, as those of a named type do. */
const SHARED = 2;
const MOST_BLOCKS = 1000;

/** The messages of the object whose header is at an address. */
export function readHeader(file: Hdf5Bytes, at: number): readonly Message[] {
  return file.begins(at, "OHDR") ? newHeader(file, at) : oldHeader(file, at);
}

/** A stretch of a header, in which messages lie one behind another. */
interface Block {
  readonly at: number;
  readonly end: number;
}

function oldHeader(file: Hdf5Bytes, at: number): readonly Message[] {
  if (file.u8(at) !== 1) refuse(`no object begins at byte ${at}`);
  const count = file.u16(at + 2);
  const messages: Message[] = [];
  walk(file, { at: at + 16, end: at + 16 + file.u32(at + 8) }, 8, (place) => {
    if (messages.length === count) return null;
    const message = { type: file.u16(place), at: place + 8, size: file.u16(place + 2) };
    messages.push(checked(file, message, file.u8(place + 4)));
    return message;
  });
  return messages;
}

function newHeader(file: Hdf5Bytes, at: number): readonly Message[] {
  if (file.u8(at + 4) !== 2) refuse(`the object at byte ${at} has version ${file.u8(at + 4)}`);
  const flags = file.u8(at + 5);
  const sizeAt = at + 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0);
  const width = 1 << (flags & 3);
  const head = flags & 4 ? 6 : 4;
  const messages: Message[] = [];
  const first = sizeAt + width;
  walk(file, { at: first, end: first + file.sized(sizeAt, width) }, head, (place) => {
    const message = { type: file.u8(place), at: place + head, size: file.u16(place + 1) };
    messages.push(checked(file, message, file.u8(place + 3)));
    return message;
  });
  return messages;
}

/** Goes through a header's blocks, of which each may name others. `read` gives null where the header has ended. */
function walk(file: Hdf5Bytes, first: Block, head: number, read: (place: number) => Message | null): void {
  const blocks = [first];
  for (let i = 0; i < blocks.length; i++) {
    if (blocks.length > MOST_BLOCKS) refuse(`the object at byte ${first.at} has more than ${MOST_BLOCKS} parts`);
    const { at, end } = blocks[i]!;
    for (let place = at; place + head <= end; ) {
      file.step();
      const message = read(place);
      if (message === null) return;
      if (message.type === MESSAGE.continuation) blocks.push(continued(file, message.at));
      place = message.at + message.size;
    }
  }
}

function continued(file: Hdf5Bytes, at: number): Block {
  const [begin, length] = [file.u64(at), file.u64(at + 8)];
  // A new header's parts have a name before them and a checksum behind.
  return file.begins(begin, "OCHK") ? { at: begin + 4, end: begin + length - 4 } : { at: begin, end: begin + length };
}

function checked(file: Hdf5Bytes, message: Message, flags: number): Message {
  file.part(message.at, message.size);
  const needed = message.type === MESSAGE.datatype || message.type === MESSAGE.dataspace;
  if (flags & SHARED && needed) refuse(`the object at byte ${message.at} has a named type, which is not read`);
  return message;
}

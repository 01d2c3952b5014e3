import type { DeviceCaps } from "./op.ts";

/**
 * Numbers that an invocation can have in registers, about, before a vendor's compilers put some of them in memory: what a
 * tile may need. `npm run bench:isa` sees where that is wrong. Of vendors that are not here, and of those that nobody names,
 * the least is taken.
 */
const REGISTERS: Readonly<Record<string, number>> = { amd: 256, nvidia: 256, qualcomm: 192, apple: 128 };
const FEWEST = 64;

export const registersOf = ({ vendor }: Pick<DeviceCaps, "vendor">): number => REGISTERS[vendor] ?? FEWEST;

import type { DeviceCaps } from "./op.ts";

/**
 * Whether a multiply-add takes halves as they are: AMD's from RDNA on, and Apple's. Others convert each by an instruction of
 * its own.
 */
export const multipliesHalves = ({ vendor, architecture, shaderF16 }: DeviceCaps): boolean =>
  shaderF16 && (vendor === "apple" || (vendor === "amd" && architecture.startsWith("rdna")));

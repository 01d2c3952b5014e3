import type { NetParts } from "../net/net-parts.ts";
import type { Layout } from "./layout.ts";
import type { Version } from "./version.ts";
import type { WeightSource } from "./weights.ts";

/** A net while its layers are read. */
export interface Net {
  readonly parts: NetParts;
  readonly weights: WeightSource;
  readonly layout: Layout;
  readonly version: Version;
}

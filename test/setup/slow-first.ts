import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What takes ten seconds or more, the longest first: by their size, all that is known of a file at first, some came last. */
const SLOW = [
  ...["wasm/teeth", "gpu/conformance", "gpu/on-chip", "gpu/half-conformance", "gpu/matmul", "gpu/teeth"],
  ...["gpu/torch-graphs", "gpu/conv-teeth", "gpu/torch-layers", "gpu/conv"],
  ...["train/guides", "train/bench-cli", "train/cli", "train/statistics", "train/recovery", "train/compiling"],
  ...["package/types", "package/docs", "package/exports", "package/projects"],
  ...[
    "browser/saved-run",
    "browser/train",
    "browser/frozen",
    "browser/benchmark",
    "browser/own-data",
    "browser/access",
  ],
  ...["browser/text", "browser/backprop", "browser/gradients", "browser/kernels", "browser/any-net", "browser/gallery"],
].map((name) => `test/${name}.test.ts`);

/** Begins with the slowest files of a project, so that no worker is left with one while the others have ended. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = SLOW.findIndex((name) => moduleId.endsWith(name));
      return at < 0 ? SLOW.length : at;
    };
    const order = ({ project }: TestSpecification): number => project.config.sequence.groupOrder;
    return sorted.sort(
      (a, b) => order(a) - order(b) || a.project.name.localeCompare(b.project.name) || rank(a) - rank(b),
    );
  }
}

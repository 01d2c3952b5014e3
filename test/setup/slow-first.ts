import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Short to read and long to run: by their size, all that is known of a file at first, they would come last. */
const SLOW = /\/(conformance|half-conformance|on-chip|teeth|guides)\.test\.ts$/;

/** Begins with the slowest files of a project, so that no worker is left with one while the others have ended. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = (file: TestSpecification): number => (SLOW.test(file.moduleId) ? 0 : 1);
    const order = ({ project }: TestSpecification): number => project.config.sequence.groupOrder;
    return sorted.sort(
      (a, b) => order(a) - order(b) || a.project.name.localeCompare(b.project.name) || rank(a) - rank(b),
    );
  }
}

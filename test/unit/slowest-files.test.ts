import { expect, test } from "vitest";
import { overLimit, slowestText } from "../setup/slowest-files.ts";

const files = [
  { file: "test/unit/a.test.ts", ms: 900 },
  { file: "test/gpu/b.test.ts", ms: 31_200 },
  { file: "test/train/c.test.ts", ms: 12_000 },
];

test("the slowest files are named, the slowest first", () => {
  expect(slowestText(files, 2)).toBe("slowest files: test/gpu/b.test.ts 31 s, test/train/c.test.ts 12 s");
});

test("ten minutes of two cores are the limit; what is above names the files", () => {
  expect(overLimit(1200, files)).toBeNull();
  expect(overLimit(1320, files)).toMatch(
    /^the tests took 11\.0 minutes of 2 cores, more than the 10 .*slowest files: test\/gpu\/b\.test\.ts 31 s/,
  );
});

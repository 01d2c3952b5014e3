import { describe, expect, test } from "vitest";
import { readCsv } from "../../../src/data/csv.ts";
import type { Task } from "../../../src/data/task.ts";

const read = (labels: readonly (string | number)[], task?: Task) =>
  readCsv("f", `a,y\n${labels.map((label, i) => `${(i * 37) % 101},${label}`).join("\n")}\n`, task ? { task } : {});
const range = (n: number, f: (i: number) => string | number) => Array.from({ length: n }, (_, i) => f(i));

describe("what labels are for", () => {
  test.each<[string, readonly (string | number)[], Task]>([
    ["texts", ["u", "v", "u"], "classification"],
    ["texts among numbers", [1, 2, "x"], "classification"],
    ["0 and 1", range(50, (i) => i % 2), "classification"],
    ["grades from 3 to 8", range(200, (i) => 3 + (i % 6)), "classification"],
    ["a hundred classes of many rows each", range(5000, (i) => i % 100), "classification"],
    ["1.0 and 2.0", ["1.0", "2.0", "1.0"], "classification"],
    ["three rows of their own", [10, 20, 30], "classification"],
    ["prices, 118 in 120 rows", range(120, (i) => 100_000 + (((i % 118) * 7919) % 900_000)), "regression"],
    ["ages, 60 in 1000 rows", range(1000, (i) => 18 + (i % 60)), "regression"],
    ["pay of ten people", range(10, (i) => 30_000 + 1000 * ((i * 3) % 10)), "regression"],
    ["numbers with decimals", [0.5, 1, 2], "regression"],
  ])("%s", (_, labels, task) => {
    const data = read(labels);
    expect(data.table!.task).toBe(task);
    expect(data.y.dtype).toBe(task === "classification" ? "i32" : "f32");
  });

  test("several columns are labels where all are 0 or 1, else numbers", () => {
    const text = "a,p,q,r\n1,0,1,2\n2,1,1,3\n";
    expect(readCsv("f", text, { label: ["p", "q"] })).toMatchObject({
      table: { task: "multilabel" },
      targets: ["p", "q"],
    });
    expect(readCsv("f", text, { label: ["p", "r"] }).table!.task).toBe("regression");
  });

  test("is what is asked for", () => {
    expect(read([3, 5, 8], "regression").y.data).toEqual(Float32Array.of(3, 5, 8));
    expect(read([0.5, 1, 0.5], "classification")).toMatchObject({
      classes: ["0.5", "1"],
      y: { data: Int32Array.of(0, 1, 0) },
    });
    expect(() => read(["u", "v"], "regression")).toThrow('line 2, column "y": "u" is not a number');
  });
});

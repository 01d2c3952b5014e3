import { describe, expect, it } from "vitest";
import { readPickle } from "../../../src/io/pytorch/state-dict/pickle.ts";
import { readStateDict } from "../../../src/io/pytorch/state-dict/read.ts";
import { archive, dict, int, name, pickle, storage, tensor, text, tuple } from "./pickle-file.ts";

const four = { 0: new Uint8Array(16) };
const read = (...code: readonly number[][]) => readStateDict(archive(pickle(...code), four));
const w = (...of: Parameters<typeof tensor>) => read(dict(text("w"), tensor(...of)));
const s = storage("0", 4);

it("the pickles of these tests are right as long as nothing is wrong in them", async () => {
  expect((await w(s, 0, [2, 2], [1, 2])).tensors.get("w")!.shape).toEqual([2, 2]);
});

describe("a name that is not on the list is refused by name, wherever it stands, and nothing is called", () => {
  it.each([
    ["os", "system"],
    ["posix", "system"],
    ["builtins", "eval"],
    ["__builtin__", "getattr"],
    ["torch", "load"],
    ["torch.storage", "_load_from_bytes"],
    ["torch.hub", "load"],
    ["collections", "OrderedDict.__class__"],
    ["torch._utils", "_rebuild_tensor_v2.__globals__"],
    ["numpy.core.multiarray", "fromfile"],
    ["numpy", "load"],
    ["__proto__", "constructor"],
    ["", "constructor"],
  ])("%s.%s", async (module, of) => {
    const shown = JSON.stringify(`${module}.${of}`);
    await expect(read(name(module, of), tuple(text("echo")), [0x52])).rejects.toThrow(shown);
    // STACK_GLOBAL, and a name that is only put somewhere.
    await expect(read(text(module), text(of), [0x93], tuple(text("echo")), [0x52])).rejects.toThrow(shown);
    await expect(read(dict(text("w"), tensor(s, 0, [4], [1]), text("x"), name(module, of)))).rejects.toThrow(shown);
  });
});

describe("what does not hold together is refused", () => {
  it.each<[string, readonly number[][], string]>([
    ["a call of what cannot be called", [name("torch", "FloatStorage"), tuple(), [0x52]], "is called"],
    ["a call of a number", [int(3), tuple(), [0x52]], "calls what has no name"],
    ["a call of nothing", [[0x4e], tuple(), [0x52]], "calls what has no name"],
    ["arguments that are no tuple", [name("collections", "OrderedDict"), int(1), [0x52]], "calls what has no name"],
    ["an instruction of protocol 0", [[0x49, 0x31, 0x0a]], "instruction 0x49 of a pickle, at byte 2, is not known"],
    ["a set", [[0x8f]], "instruction 0x8f"],
    ["an object of a class with keywords", [[0x92]], "instruction 0x92"],
    ["more taken than put", [[0x74]], "takes what it never put"],
    ["a mark taken for a value", [[0x28, 0x85]], "takes what it never put"],
    ["what was never kept", [[0x68, 7]], "number 7, which it never kept"],
    ["half a pair", [[0x7d], [0x28], text("w"), [0x75]], "half a pair"],
    ["pairs for a number", [int(1), [0x28, 0x75]], "no dictionary"],
    ["items for a dictionary", [[0x7d], int(1), [0x61]], "no list"],
    ["values left behind", [int(1), int(2)], "leaves 1 values behind"],
    ["attributes of a number", [int(1), [0x7d, 0x62]], "attributes of something that has none"],
    ["a name without an end", [[0x63, 0x61]], "does not end"],
    ["a name that is no text", [int(1), int(2), [0x93]], "name that is no text"],
    ["text that is not UTF-8", [[0x58, 1, 0, 0, 0, 0xff]], "not UTF-8"],
    ["text beyond the end", [[0x58, 255, 255, 255, 127]], "cut short"],
    ["a number of 200 bytes", [[0x8a, 200, ...new Array<number>(200).fill(1)]], "a whole number of 200 bytes"],
    ["something outside that is no storage", [tuple(text("module")), [0x51]], "a whole module with its source"],
    ["something outside that is nothing", [int(1), [0x51]], "no storage"],
    [
      "a storage of no type",
      [tuple(text("storage"), name("torch", "Size"), text("0"), text("cpu"), int(4)), [0x51]],
      "is no type of storage",
    ],
    ["nothing at all", [[0x4e]], "no tensors by name: no dictionary"],
    ["no tensors", [dict(text("lr"), int(3))], 'no tensors by name: a dictionary of "lr"'],
    [
      "an optimizer alone",
      [dict(text("state"), dict(text("a"), tensor(s, 0, [4], [1])), text("param_groups"), [0x5d])],
      "no tensors by name",
    ],
  ])("%s", async (_, code, message) => {
    await expect(read(...code)).rejects.toThrow(message);
  });

  it("a tensor that its storage does not hold", async () => {
    await expect(w(s, 0, [5], [1])).rejects.toThrow("[5] by strides [1] from 0 reaches element 4 of a storage of 4");
    await expect(w(s, 1, [2, 2], [2, 1])).rejects.toThrow("reaches element 4");
    await expect(w(s, 0, [2 ** 31 - 1, 2 ** 31 - 1], [2 ** 31 - 1, 2 ** 31 - 1])).rejects.toThrow("of a storage of 4");
    await expect(w(s, -1, [1], [1])).rejects.toThrow("an offset that is no whole number");
    await expect(w(s, 0, [-1], [1])).rejects.toThrow("no whole number");
    await expect(w(s, 3, [4], [-1])).rejects.toThrow("no whole number");
    await expect(w(s, 0, [4], [])).rejects.toThrow("1 sizes, but 0 strides");
    await expect(w(s, 0, new Array<number>(9).fill(1), new Array<number>(9).fill(1))).rejects.toThrow("9 dimensions");
    await expect(w(storage("0", 5), 0, [4], [1])).rejects.toThrow("its storage has 16 bytes, not 20");
    await expect(w(storage("../0", 4), 0, [4], [1])).rejects.toThrow('the storage "../0" is missing');
    await expect(w(int(3), 0, [4], [1])).rejects.toThrow("no storage, but number");
    await expect(w(storage("0", 16, "UntypedStorage"), 0, [4], [1])).rejects.toThrow(
      '"torch.UntypedStorage" is nothing',
    );
  });

  it("one value that is said to be a million, many times", async () => {
    const huge = (n: number) => tensor(s, 0, [n], [0]);
    await expect(w(s, 0, [2 ** 30], [0])).rejects.toThrow("they share memory");
    const many = Array.from({ length: 40 }, (_, i) => [text(`w${i}`), huge(10_000)]).flat();
    await expect(read(dict(...many))).rejects.toThrow("they share memory");
    expect((await w(s, 0, [1000], [0])).tensors.get("w")!.data.length).toBe(1000);
  });

  it("more objects, entries or waiting values than weights have", { timeout: 20_000 }, () => {
    const nowhere = () => Number.NaN as never;
    const run = (n: number, ...code: readonly number[]) => {
      const bytes = new Uint8Array(4 + n * code.length).map((_, i) => code[(i - 3) % code.length]!);
      bytes.set([0x80, 2, 0x4e]);
      return () => readPickle(bytes, { find: nowhere, load: nowhere });
    };
    expect(run(250_001, 0x29, 0x30)).toThrow("more than 250000 objects");
    expect(run(100_001, 0x4e)).toThrow("values of a pickle wait");
    expect(run(2 ** 20 + 1, 0x94)).toThrow("more than 1048576 entries");
  });
});

it("names such as __proto__ are names like any other", async () => {
  const t = tensor(s, 0, [4], [1]);
  const { tensors } = await read(dict(text("__proto__"), t, text("constructor"), t));
  expect([...tensors.keys()]).toEqual(["__proto__", "constructor"]);
  await expect(read(dict(text("n".repeat(300)), t))).rejects.toThrow("has 300 characters");
});

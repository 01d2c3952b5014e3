import { sizeOf } from "../../core/ndarray.ts";
import { type ChipValue, type Index, index } from "../../graph/chip.ts";
import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import type { AnyOp } from "../../graph/op.ts";
import type { ChipLayout } from "./chip-layout.ts";
import { type ChipText, type ChipWidth, TooLong } from "./chip-writer.ts";

/** Variables that may hold the values of a written-out step: more would take long to compile. */
const MOST_VARIABLES = 800;

/** Words of the buffer that keeps values between dispatches. */
export const savedLength = ({ savedWords }: ChipLayout): number => Math.max(4, savedWords);

/** The values of a graph as names in the kernel. */
export class ChipValues {
  /** Elements by buffer that the one invocation touches: each is a variable of its own. */
  private readonly touched = new Map<number, Set<number>>();
  private readonly names = new Set<string>();
  private readonly ranges: ReadonlyMap<Tensor, ChipValue["ranges"]>;

  constructor(
    g: Graph,
    private readonly layout: ChipLayout,
    private readonly width: ChipWidth,
  ) {
    this.ranges = new Map(g.nodes.filter((n) => n.op.view === "pack").map((n) => [n.outputs[0]!, packedRanges(n)]));
  }

  /** Adds the body of one node. */
  emit(text: ChipText, node: Node): void {
    const inputs = node.inputs.map((t) => this.value(text, t, false));
    const outputs = node.outputs.map((t) => this.value(text, t, true));
    text.open();
    (node.op as AnyOp).onChip!(text, inputs, outputs, node.attrs);
    text.close();
    text.settle();
  }

  /**
   * What stands before the steps, behind them, and at module scope: bindings from 1 up. Lengths are in the types, since
   * an index into an array of unknown length is checked each time.
   */
  around(): { load: string; store: string; declarations: string } {
    const { plan, bound, memory } = this.layout;
    const array = (buffer: number): string =>
      `array<${plan.buffers[buffer]!.dtype}, ${plan.buffers[buffer]!.bytes / 4}>`;
    const bindings = bound.map((buffer, k) => {
      const access = this.layout.written.has(buffer) ? "read_write" : "read";
      return `@group(0) @binding(${k + 2}) var<storage, ${access}> v${buffer}: ${array(buffer)};`;
    });
    const own = plan.buffers.map((_, buffer) => buffer).filter((buffer) => !bound.includes(buffer));
    if (memory === "storage") {
      // In the order of their words: the buffer is this struct.
      const fields = [...this.layout.saved.keys()].map((buffer) => `  v${buffer}: ${array(buffer)},`);
      bindings.unshift(
        `struct Values {\n${fields.join("\n")}\n}`,
        "@group(0) @binding(1) var<storage, read_write> values: Values;",
      );
      return { load: "", store: "", declarations: bindings.join("\n") };
    }
    bindings.unshift(`@group(0) @binding(1) var<storage, read_write> saved: array<u32, ${savedLength(this.layout)}>;`);
    if (memory === "workgroup") bindings.push(...own.map((buffer) => `var<workgroup> v${buffer}: ${array(buffer)};`));
    const moved = own.map((buffer) => (memory === "variables" ? this.variables(buffer) : this.array(buffer)));
    const join = (key: "load" | "store"): string => moved.flatMap((m) => m[key]).join("\n");
    return { load: join("load"), store: join("store"), declarations: bindings.join("\n") };
  }

  /** Word `i` of a buffer between dispatches. */
  private word(buffer: number, i: Index): string {
    return `saved[${index.text(index.plus(this.layout.saved.get(buffer)!, i))}]`;
  }

  private variables(buffer: number): { load: string[]; store: string[] } {
    const { plan, saved, written } = this.layout;
    const { dtype } = plan.buffers[buffer]!;
    const all = [...(this.touched.get(buffer) ?? [])];
    if (!saved.has(buffer)) return { load: all.map((i) => `var v${buffer}_${i}: ${dtype};`), store: [] };
    return {
      load: all.map((i) => `var v${buffer}_${i} = bitcast<${dtype}>(${this.word(buffer, i)});`),
      store: written.has(buffer) ? all.map((i) => `${this.word(buffer, i)} = bitcast<u32>(v${buffer}_${i});`) : [],
    };
  }

  private array(buffer: number): { load: string[]; store: string[] } {
    const { plan, saved, written } = this.layout;
    const { dtype, bytes } = plan.buffers[buffer]!;
    if (!saved.has(buffer)) return { load: [], store: [] };
    const loop = (body: string): string => `for (var i = lane; i < ${bytes / 4}u; i += ${this.width}u) { ${body} }`;
    return {
      load: [loop(`v${buffer}[i] = bitcast<${dtype}>(${this.word(buffer, "i")});`)],
      store: written.has(buffer) ? [loop(`${this.word(buffer, "i")} = bitcast<u32>(v${buffer}[i]);`)] : [],
    };
  }

  private value(text: ChipText, t: Tensor, writes: boolean): ChipValue {
    const { plan, bound, memory } = this.layout;
    const { storage, offset } = plan.places.get(t)!;
    const { buffer } = storage;
    const array = `${memory === "storage" && !bound.includes(buffer) ? "values." : ""}v${buffer}`;
    return {
      shape: t.shape,
      dtype: t.dtype,
      ranges: this.ranges.get(t) ?? [[0, sizeOf(t.shape)]],
      at: (i) => {
        const at = index.plus(i, offset);
        text.touch(buffer, offset, i, writes);
        if (memory !== "variables" || bound.includes(buffer)) return `${array}[${index.text(at)}]`;
        if (typeof at !== "number") throw new TypeError(`${t.name} is read at a place known only when it runs`);
        this.touched.set(buffer, (this.touched.get(buffer) ?? new Set()).add(at));
        const name = `v${buffer}_${at}`;
        if (this.names.add(name).size > MOST_VARIABLES) throw new TooLong();
        return name;
      },
    };
  }
}

/** Where the parts of a packed array lie in it. */
function packedRanges({ inputs, attrs }: Node): ChipValue["ranges"] {
  return inputs.map((t, i) => [attrs.offsets[i], attrs.offsets[i] + sizeOf(t.shape)] as const);
}

/** What an op is, whole: its records refer to each other, and who writes one reads them together. */

import type { NdArray } from "../core/ndarray.ts";
import type { ChipValue, ChipWriter } from "./chip.ts";
import type { TensorSpec } from "./tensor.ts";

/** One value in the graph. Identity is the object itself, so executors can be compared value by value. */
export interface Tensor extends TensorSpec {
  /** Its number among the values of its graph, in the order in which they were made. */
  readonly id: number;
  /** For people and for messages: "layer 2 (linear): weight gradient". */
  readonly name: string;
  /** The node that computes it, or null for variables and inputs. */
  readonly node: Node | null;
  /** A variable outlives a step, a computed value need not. */
  readonly kind: "variable" | "computed";
  /** First value of a variable. */
  readonly initial: NdArray | null;
}

/** One application of an op. */
// biome-ignore lint/suspicious/noExplicitAny: the op list holds ops of every attribute type
export interface Node<A = any> {
  /** How many nodes its graph had before it. */
  readonly id: number;
  /** What is applied. */
  readonly op: Op<A>;
  /** Settings that hold for every step, such as an activation's alpha; null for ops that take none. */
  readonly attrs: A;
  /** Values that it reads, in the op's order. */
  readonly inputs: readonly Tensor[];
  /** Values that it computes, with the shapes that `op.infer` gave. */
  readonly outputs: readonly Tensor[];
}

/** A, but not inferred from here: what NoInfer is in TypeScript 5.4, for programs that have an older one. */
export type Given<A> = [A][A extends unknown ? 0 : never];

/** What a rule of gradients, or a layer, may do with a graph: add to it. */
export interface GraphBuilder {
  /**
   * A value that outlives a step: parameter, optimizer state, data set, counter. It changes only through an op
   * that works in place on it, or when the host writes it.
   */
  variable(name: string, initial: NdArray): Tensor;
  /** Adds a node; its outputs get the shapes that the op's shape rule gives, and one name with numbers or a name each. */
  add<A>(op: Op<A>, inputs: readonly Tensor[], attrs: Given<A>, name?: string | readonly string[]): readonly Tensor[];
  /** Adds a node with one output. */
  one<A>(op: Op<A>, inputs: readonly Tensor[], attrs: Given<A>, name?: string): Tensor;
}

/** One operation: everything Chainrule knows about it, in one record. */
export interface Op<A> {
  /** For people and for messages. `defineOp` takes letters and digits, a letter first. */
  readonly name: string;
  /** Shape rule. Throws a ChainruleError that names the op, the shapes and what was expected. */
  infer(inputs: readonly TensorSpec[], attrs: A): readonly TensorSpec[];
  /**
   * The truth, in plain loops. Floats in the outputs have the element type of the first float input:
   * f64 in, f64 out for checks; f32 in, f32 out when the CPU trains.
   * For an output that works in place the reference writes into the input array and returns it.
   */
  reference(inputs: readonly NdArray[], attrs: A): readonly NdArray[];
  /** Gradients of the inputs, as nodes added to the graph; "none" where the value does not depend on parameters. */
  readonly gradient:
    | "none"
    | ((g: GraphBuilder, node: Node<A>, dys: readonly (Tensor | null)[]) => readonly (Tensor | null)[]);
  /**
   * Elements of an input, from one on and up to another, that get no gradient on purpose, though the value depends on them:
   * finite differences leave them out. Null, or absent, where there are none.
   */
  unlearned?(inputs: readonly TensorSpec[], attrs: A): Unlearned | null;
  /** Device kernels, simplest first. Empty for views, which cost nothing. */
  readonly kernels: readonly Kernel<A>[];
  /**
   * What it stands for in exact arithmetic, where the reference computes something else on purpose (rounding to halves
   * is the one case): the function that `gradient` is the derivative of, and that proofs in f64 run.
   */
  ideal?(inputs: readonly NdArray[], attrs: A): readonly NdArray[];
  /**
   * Calls of the kernels in wasm/ that compute it; the reference stands in where this is absent or gives null. Views need
   * none.
   */
  wasm?(inputs: readonly TensorSpec[], outputs: readonly TensorSpec[], attrs: A): WasmPlan | null;
  /**
   * What becomes of a program's nodes on the CPU where some are of this op: others that give the same values sooner. It is told
   * which ones the host reads.
   */
  readonly arrange?: () => Promise<(nodes: readonly Node[], kept: ReadonlySet<Tensor>) => readonly Node[]>;
  /**
   * Its body in the kernel that runs whole steps of a small graph. Absent: graphs with it run as dispatches.
   */
  onChip?(w: ChipWriter, inputs: readonly ChipValue[], outputs: readonly ChipValue[], attrs: A): void;
  /** Inputs that `onChip` reads or writes at places known only when it runs: they stay in the device's memory. */
  readonly lookups?: readonly number[];
  /**
   * What its checks need. Chainrule's own ops leave it to the table of proofs, which a page that only trains never loads:
   * there it stands under the op's name, or is made by its family.
   */
  readonly proof?: Proof<A> | FamilyProof;
  /** How its kernels are compared on a device, where several apply; absent where the ladder's own guess will do. */
  readonly trial?: Trial<A>;
  /**
   * A part of a problem, for which kernels have the same code: what a known answer is worked out for, where no case will do
   * and there is no trial. Null where all of it is too much work.
   */
  readonly sample?: (inputs: readonly TensorSpec[], attrs: A) => readonly TensorSpec[] | null;
  /** How nodes that begin with one of its own become one, in place of the patterns of ops/fuse.ts, which are handed to it. */
  readonly fuse?: (node: Node, uses: Uses, patterns: readonly Pattern[]) => Fusion | null;
  /** Why a node of it stays as it is where much would be saved if it did not; null where there is nothing to tell. */
  readonly unfused?: (node: Node, uses: Uses) => string | null;
  /** A loss: the op of its gradient, and the one that computes both in a kernel. */
  readonly lossPair?: () => { readonly backward: AnyOp; readonly withGradient: AnyOp };
  /** Pairs [output, input] that share memory: the op updates that input. */
  readonly inPlace?: readonly (readonly [number, number])[];
  /** A value that is another's memory seen differently; see graph/memory-plan. */
  readonly view?: "slice" | "pack";
}

/** A stretch of an input's elements. */
export interface Unlearned {
  /** Which input, from 0. */
  readonly input: number;
  /** Its first element, */
  readonly from: number;
  /** and the one behind its last. */
  readonly to: number;
}

/** Where a graph is run. */
export type DeviceKind = "webgpu" | "cpu";

/** How an op's results are judged, and on what. */
export interface Proof<A> {
  /**
   * How far a right f32 result may lie from the f64 one: |computed - exact| <= bound, element by element, for float
   * outputs. `errors` bounds the inputs' own errors (null: exact inputs). `on` is where it was computed, "webgpu" unless
   * said: kernels there add in other orders than here. Absent for ops that only move bits.
   */
  bound?(
    inputs: readonly NdArray[],
    errors: Errors,
    outputs: readonly NdArray[],
    attrs: A,
    on?: DeviceKind,
  ): readonly (NdArray | null)[] | Promise<readonly (NdArray | null)[]>;
  /** Inputs for every check: conformance, gradient, benchmark. */
  readonly cases: readonly OpCase<A>[];
}

/** A proof that a function in the table of proofs makes, out of what sets the op apart from others of its family. */
export interface FamilyProof {
  /** The function's name. */
  readonly family: string;
  /** What it takes. */
  readonly of: unknown;
}

/** Gives an op's proof. */
export type ProofOf = <A>(op: Op<A>) => Promise<Proof<A>>;

/** Error bounds beside values: null where the value is exact. */
export type Errors = readonly (NdArray | null)[];

/** Several nodes that one can stand for. */
export interface Fusion {
  readonly replaces: readonly Node[];
  /** The one of them in whose place the new node runs. */
  readonly at: Node;
  readonly op: AnyOp;
  readonly attrs: unknown;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/** Who reads what. */
export interface Uses {
  readonly nodes: readonly Node[];
  of(t: Tensor): readonly Node[];
  /** Whether the host reads it. */
  kept(t: Tensor): boolean;
  /** The only reader of a value that the host does not read either. */
  only(t: Tensor): Node | null;
}

/** Nodes, from the given one on, that can become one; null where there are none. */
export type Pattern = (node: Node, uses: Uses) => Fusion | null;

/** A problem to compare kernels on: as the net has it, or smaller where that would take long; and its check by sample. */
export interface Trial<A> {
  /** Of ops with the same ladder of kernels: what was fast for one is compared first for the next. Default "product". */
  readonly family?: string;
  /** Multiply-adds below which no choice is worth measuring on such a device. Default 2^18. */
  least?(caps: DeviceCaps): number;
  /** Multiply-adds. */
  work(inputs: readonly TensorSpec[], attrs: A): number;
  /** The same with one dimension halved, or null where it is small already. */
  halve(inputs: readonly TensorSpec[], attrs: A): Promise<readonly TensorSpec[] | null>;
  /**
   * Inputs of which only the given rows of output 0 are computed, which are then held against f64; other outputs stay as they
   * are. Absent: a known answer is what tells whether a kernel is right.
   */
  cut?(inputs: readonly NdArray[], attrs: A, rows: readonly number[]): Promise<readonly NdArray[]>;
  /** An input that is stored as halves, from f32 numbers; absent where none is. */
  store?(g: GraphBuilder, x: Tensor): Tensor;
}

/** A way to compute an op on the device. Pure: the same arguments give the same plan. */
export interface Kernel<A> {
  /** "matmul/block64" */
  readonly name: string;
  /** Launches for these shapes, or null where the kernel does not apply. */
  plan(inputs: readonly TensorSpec[], outputs: readonly TensorSpec[], attrs: A, caps: DeviceCaps): KernelPlan | null;
  /** False where a simpler kernel is the better choice for these shapes. Absent: always suits. */
  suits?(inputs: readonly TensorSpec[], attrs: A, caps: DeviceCaps): boolean;
  /** What a device must have for the kernel to apply anywhere. */
  readonly needs?: DeviceAbility;
  /** True where only some devices load it (late-kernels.ts). */
  readonly late?: true;
  /** Of a product: what it computes, for kernels that are no rung of the op's ladder. */
  product?(inputs: readonly TensorSpec[], attrs: A): Product;
}

/** A matrix product, and what is done to its elements. */
export interface Product {
  /** How A and B lie: A [M, K] and B [K, N]; B [N, K]; A [K, M]. */
  readonly form: "NN" | "NT" | "TN";
  /** Rows of the result. */
  readonly M: number;
  /** Columns of the result. */
  readonly N: number;
  /** Terms of each sum. */
  readonly K: number;
  /** What happens besides the product: shaders/matmul/common.ts. */
  readonly epilogue: {
    /** Input 2 [N] is added. */
    readonly bias: boolean;
    /** Text of the function that is applied; null for none. */
    readonly activation: string | null;
    /** Text of the function by whose value at input 2 [M, N] elements are multiplied; null for none. */
    readonly derivative: string | null;
    /** Output 1 [N] has the sums of B's columns. */
    readonly columnSums: boolean;
  };
  /** The number that either function takes. */
  readonly alpha: number;
}

/** What a kernel asks of the device for one node. */
export interface KernelPlan {
  /** Dispatches in order; each sees what those before it wrote. */
  readonly launches: readonly Launch[];
  /** Memory that lives from the first to the last launch of this plan. */
  readonly scratch?: readonly TensorSpec[];
}

/** One dispatch. */
export interface Launch {
  /** Finished WGSL with entry point `main`. It is the key of the pipeline cache. */
  readonly code: string;
  /** Contents of the uniform at @binding(0), or null when the code has none. */
  readonly params: ArrayBuffer | null;
  /** Storage bindings from @binding(1) up, in order. */
  readonly bindings: readonly Binding[];
  /** Workgroups along x, y and z, each at most the device's `maxComputeWorkgroupsPerDimension`; see `grid`. */
  readonly workgroups: readonly [number, number, number];
}

/** A window of a value, in elements; the whole value when offset and size are absent. */
export interface Binding {
  /** Which of three lists holds the value: the node's inputs, its outputs, or the plan's scratch. */
  readonly kind: "input" | "output" | "scratch";
  /** Its place in that list, from 0. */
  readonly index: number;
  /** As in the code's declaration of the binding. */
  readonly access: "read" | "read_write";
  /** First element, a multiple of the device's `minStorageBufferOffsetAlignment` / 4. Default 0. */
  readonly offset?: number;
  /** Elements in the window. */
  readonly size?: number;
}

/** Calls that compute one node on the CPU, in order. */
export interface WasmPlan {
  readonly calls: readonly WasmCall[];
  /** Memory that lives from the first to the last call of this plan. */
  readonly scratch?: readonly TensorSpec[];
}

/** One call of a kernel in wasm/, whose comment names its arguments. */
export interface WasmCall {
  readonly fn: string;
  /** A value's address, a whole number, or a float. */
  readonly args: readonly (Pick<Binding, "kind" | "index" | "offset"> | number | { readonly float: number })[];
  /** Into how many parts threads may divide it: a function of the sizes alone, so that results do not depend on threads. */
  readonly parts?: number;
}

/** WebGPU's limits that planners look at. */
export interface DeviceLimits {
  /** Bytes in a buffer; a value that needs more throws ChainruleError "limit". */
  readonly maxBufferSize: number;
  /** Bytes that one binding may show a kernel; larger values are bound in windows, see `flatWindows`. */
  readonly maxStorageBufferBindingSize: number;
  /** Workgroups of a dispatch along x, y or z. */
  readonly maxComputeWorkgroupsPerDimension: number;
  /** Invocations in a workgroup: the product of its three sizes. */
  readonly maxComputeInvocationsPerWorkgroup: number;
  /** Bytes of `var<workgroup>` memory in a workgroup. */
  readonly maxComputeWorkgroupStorageSize: number;
  /** Storage bindings of a launch. */
  readonly maxStorageBuffersPerShaderStage: number;
  /** Bytes of which a binding's offset must be a multiple. */
  readonly minStorageBufferOffsetAlignment: number;
}

/** Parts of WGSL that not every device has, as DeviceCaps names them. */
export type DeviceAbility = "subgroups" | "shaderF16" | "subgroupMatrices";

/** What planners may count on. Asked of the adapter, or made up in a test. */
export interface DeviceCaps extends DeviceLimits {
  /** WGSL's subgroups: invocations may take values from each other's registers. */
  readonly subgroups: boolean;
  /** WGSL's f16: halves may be read from arrays of their own type. Without it they are unpacked from words. */
  readonly shaderF16: boolean;
  /** Invocations that a subgroup has at least. */
  readonly subgroupMinSize: number;
  /** Invocations that a subgroup has at most. */
  readonly subgroupMaxSize: number;
  /**
   * Matrices of halves, with sums in f32, that a whole subgroup multiplies in one instruction: M rows, N columns, K terms.
   * Null where the device has none.
   */
  readonly subgroupMatrices: readonly { readonly M: number; readonly N: number; readonly K: number }[] | null;
  /** WGSL's buffer_view: memory of a workgroup may be seen as one array now and as another later. */
  readonly bufferViews: boolean;
  /** The adapter computes on a CPU: invocations of a subgroup take turns at barriers, which cost what much work does. */
  readonly onCpu: boolean;
  /** The adapter's vendor as WebGPU names it, such as "amd" or "intel"; "" where nobody says, as in Firefox. */
  readonly vendor: string;
  /** The family of the vendor's GPUs, such as "ampere" or "rdna-3"; "" where nobody says. */
  readonly architecture: string;
}

/** What WebGPU guarantees of every device. */
export const DEFAULT_LIMITS: DeviceLimits = {
  maxBufferSize: 268435456,
  maxStorageBufferBindingSize: 134217728,
  maxComputeWorkgroupsPerDimension: 65535,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 16384,
  maxStorageBuffersPerShaderStage: 8,
  minStorageBufferOffsetAlignment: 256,
};
export const DEFAULT_CAPS: DeviceCaps = {
  ...DEFAULT_LIMITS,
  subgroups: false,
  subgroupMinSize: 4,
  subgroupMaxSize: 128,
  shaderF16: false,
  subgroupMatrices: null,
  bufferViews: false,
  onCpu: false,
  vendor: "",
  architecture: "",
};

/** One set of inputs for the checks. */
export interface OpCase<A> {
  /** For reports, such as "3x5 reversed". */
  readonly name: string;
  /** One for each input of the op, in order. */
  readonly inputs: readonly CaseInput[];
  /** Attributes that the op gets. */
  readonly attrs: A;
}

/** How a case's input is made: a spec and a recipe that draws it from a seed. */
export interface CaseInput extends TensorSpec {
  /** Default "normal". "positive" for things such as second moments; "classes" draws integers below `below`. */
  readonly fill?: "normal" | "positive" | "integers" | "classes" | "unit" | "zeros" | readonly number[];
  /** Factor of the numbers that "normal" and "positive" draw. Default 1. */
  readonly scale?: number;
  /** Number of classes: "classes" needs it, and draws from 0 to `below` - 1. */
  readonly below?: number;
  /** What the drawn numbers go through first: an activation, say, where an input is one's output. */
  readonly through?: (x: NdArray) => NdArray;
}

// biome-ignore lint/suspicious/noExplicitAny: the op list holds ops of every attribute type
export type AnyOp = Op<any>;

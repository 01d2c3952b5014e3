import type { NdArray, Shape } from "../../core/ndarray.ts";
import type { Graph, Tensor } from "../../graph/graph.ts";
import type { Activation } from "../../ops/elementwise/activation.ts";
import type * as Bias from "../../ops/matmul/bias.ts";
import type * as Product from "../../ops/matmul/matmul.ts";
import type { Fields } from "./fields.ts";
import type { OnnxContext, OnnxStep } from "./onnx-step.ts";

/** What a parameter is for: how it begins, and which settings of a run reach it. */
export type ParameterRole = "weight" | "bias" | "scale" | "shift";
export const parameterRoles: readonly ParameterRole[] = ["weight", "bias", "scale", "shift"];

/** How a layer stands in its model. */
export interface Wiring {
  /** What other layers call it by in `from`, and its parameters' names begin with; its index where absent. */
  readonly name?: string;
  /** The layer, or layers, whose values it reads; "input" is the model's. The one before it where absent. */
  readonly from?: string | readonly string[];
  /** Which of its parameters are trained, "weight" or "bias"; false for none, all where absent. Statistics go on. */
  readonly trainable?: false | readonly string[];
}

/** A parameter of one layer. */
export interface LayerParameter {
  /** As PyTorch's module names it: "weight". */
  readonly key: string;
  /** A linear weight's is [in, out], a convolution's [out, in / groups, ...kernel], a bias's [out]. */
  readonly shape: Shape;
  /** What it does there. */
  readonly role: ParameterRole;
  /** First value of every element; the role says it where this is absent. */
  readonly first?: number;
  /** Where it begins anywhere within so much of 0, biases too, as recurrences do. */
  readonly within?: number;
  /** True where it is drawn from N(0, 1), whatever its role says. */
  readonly normal?: true;
  /** A row that begins at 0 whatever the others hold. */
  readonly zeroRow?: number;
  /** True where files hold it turned: a linear weight lies as [out, in] there. */
  readonly transposed?: boolean;
  /** Values that go into an output, and outputs that a value goes into: what first weights are scaled by. */
  readonly fan?: readonly [inputs: number, outputs: number];
  /** True of a low-rank adapter's, which trains whatever the layer says of its own. */
  readonly adapter?: true;
}

/** A number that a layer keeps from step to step and no gradient changes, such as batch norm's running mean. */
export interface LayerStatistic {
  readonly key: string;
  readonly shape: Shape;
  /** First value of every element. */
  readonly first: number;
  /** True of a number that only counts, which files hold as a scalar, and may lack. */
  readonly counts?: boolean;
}

/** What a layer's nodes are made with. */
export interface ForwardContext {
  readonly g: Graph;
  /** For people and for messages: "3.conv2d". */
  readonly name: string;
  /** Its place among the layers. */
  readonly index: number;
  /** True where a step trains, and dropout and batch statistics are on. */
  readonly training: boolean;
  /** Seed of the dropout masks. */
  readonly seed: number;
  /** Counts steps, u32 [4]; null where nothing trains. */
  readonly cursor: Tensor | null;
  /** Steps of each row that count, i32 [batch]; null where all do. */
  readonly lengths: Tensor | null;
  /** Steps of the net's window where x has one of them at a time; undefined: as many as x has. */
  readonly window: number | undefined;
  parameter(key: string): Tensor;
  /** The parameter of another layer, by its whole name: "tokens.weight". */
  shared(name: string): Tensor;
  /** The layer's statistics, one after the other in one array. `to` is what a step makes of them. */
  statistics(to?: Tensor): Tensor;
  /** Ops, which a page that only checks a model does not load; the functions load those that only some nets want. */
  readonly ops: Pick<typeof Product, "matmul"> &
    Pick<typeof Bias, "addBias"> & { readonly activations: Readonly<Record<string, Activation>> };
  lazy(): Promise<typeof import("../../ops/lazy.ts")>;
  layerOps(): Promise<typeof import("../../ops/layer-ops.ts")>;
  lazyActivations(): Promise<typeof import("../../ops/elementwise/lazy-activations.ts").lazyActivations>;
}

/** Inputs that are tokens: whole numbers from 0 to `count` - 1, i32 [n, t]. */
export interface Tokens {
  readonly count: number;
  /** Rows of `width` tokens, whatever type holds them, as i32. Throws ChainruleError "data" by row and step. */
  read(x: NdArray, width: number, what: string, numberOf: (row: number) => number): NdArray;
}

/** How a type of layer reads tokens. */
export interface TokenReader<S> {
  /** How many tokens it knows. */
  vocabulary(layer: S): number;
  /** What a model's input is, all layers together. Throws ChainruleError "model" where they do not agree. */
  input(layers: readonly PlacedLayer[]): Tokens;
}

/** A layer among others. */
export interface PlacedLayer {
  /** "layer 3 (linear)". */
  readonly at: string;
  /** Indices of the layers that it reads, -1 for the model's input. */
  readonly sources: readonly number[];
  /** Tokens that it knows; null where it reads none. */
  readonly vocabulary: number | null;
}

/** A layer whose weight others may share. */
export interface Lender {
  readonly type: string;
  readonly weight: Shape;
  /** True where it has a low-rank adapter. */
  readonly adapted: boolean;
}

/** Everything that is known of a type of layer. S: what a model file holds of one. */
export interface LayerType<S> {
  readonly type: string;
  /** Reads and checks a file's fields; "type", "name" and "from" are seen to. */
  read(fields: Fields): Omit<S, "type">;
  /** True where it reads two values or more, by `from`. */
  readonly several?: boolean;
  /** What the value that it reads tells of fields that were left out, in sequential(). */
  fill?(layer: Partial<S>, input: Shape): Partial<S>;
  /** What its required fields begin with in an editor, for a value of shape `input`, where 1 would not do. */
  start?(input: Shape): Partial<S>;
  /** How a first layer is written whose input nothing tells, for sequential()'s message. */
  readonly open?: string;
  /** The shape of a row that it takes, where it stands first and the model does not say; null where that is open. */
  wants?(layer: S): Shape | null;
  /**
   * Of a layer whose weight is that of a layer before it: throws where that is none, or of another shape. `lenderOf` gives
   * one by its name, with the shape of its first parameter; null where there is none.
   */
  tied?(layer: S, at: string, lenderOf: (name: string) => Lender | null): void;
  /** Whether how many steps of a row count makes a difference to it; false where absent. */
  lengths?(layer: S): boolean;
  /** Of a layer that reads tokens, which only the model's input can be. */
  readonly tokens?: TokenReader<S>;
  /** The shape of a row that it gives, batch left out. `misfit` throws, with what would fit. */
  shape(layer: S, inputs: readonly Shape[], misfit: (wanted: string) => never): Shape;
  parameters?(layer: S): readonly LayerParameter[];
  statistics?(layer: S): readonly LayerStatistic[];
  /**
   * In PyTorch: the call that makes its module (nn, which it reads from a row of shape `input`), or, where there is no such
   * module, an expression of the values that it takes (torch, F). Dense layers have theirs in io/pytorch/names.ts, which a
   * page does not load at once.
   */
  torch?(layer: S, input: Shape): string;
  torchCall?(layer: S, values: readonly string[], typeOf: (name: string) => string): string;
  /**
   * Where rows have lengths that it looks at: an expression of its module, its values and `lengths`, and what it calls. Where
   * this is absent, its module takes them behind its values.
   */
  torchLengths?: { call(layer: S, module: string, values: readonly string[]): string; readonly helper: string };
  /** Which part of what its module gives is its value, where that is not all: "[0]". */
  readonly torchPart?: string;
  /** The class of that module, where PyTorch has none; or several, each behind those that it is made of. */
  torchClass?(layer: S): string | readonly string[];
  /** In ONNX, opset 17. Dense layers have theirs in io/onnx/write.ts. */
  onnx?(layer: S, c: OnnxContext): readonly OnnxStep[];
  /** Adds its nodes. Values have the batch first. */
  forward(c: ForwardContext, layer: S, inputs: readonly Tensor[]): Tensor | Promise<Tensor>;
}

// biome-ignore lint/suspicious/noExplicitAny: the registry holds layers of every kind
export type AnyLayerType = LayerType<any>;

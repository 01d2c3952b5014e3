/** What a compiler made of one kernel; bench/isa/README.md says what a number means. */
export interface AnalysedKernel {
  readonly name: string;
  readonly error?: string;
  readonly registers: number | null;
  readonly waves: number | null;
  readonly spills: number;
  readonly hotShare?: number;
  readonly wholeShare?: number | null;
}

/** Reads what measure.sh left in a folder. */
export function analyse(
  folder: string,
  options: { readonly only?: RegExp; readonly kernels?: unknown },
): {
  readonly adapter: { readonly device: string; readonly description: string };
  readonly rows: readonly AnalysedKernel[];
};

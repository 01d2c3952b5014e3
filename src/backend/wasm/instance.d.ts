/** What wasm/index.ts exports, as the host uses it. */
export interface WasmExports {
  run(first: number, end: number, steps: number, shared: boolean): void;
  open(): void;
  close(): void;
  serve(): void;
}

/** Names of the kernels of all modules; a kernel's place in the list is its number in programs. */
export function kernelNames(modules: readonly WebAssembly.Module[]): readonly string[];
export function instantiate(modules: readonly WebAssembly.Module[], memory: WebAssembly.Memory): WasmExports;

/** Threads that help executors. Executors name themselves by being the key. */
export interface Team {
  readonly threads: number;
  /** Shows the threads an executor's memory. */
  join(member: object, memory: WebAssembly.Memory): void;
  /** Asks the threads to help where the member has opened its memory to them. */
  call(member: object): void;
  leave(member: object): void;
}

/** What the host tells a thread. */
export type ThreadMessage =
  | { readonly type: "module"; readonly module: WebAssembly.Module }
  | { readonly type: "join"; readonly id: number; readonly memory: WebAssembly.Memory }
  | { readonly type: "serve"; readonly id: number }
  | { readonly type: "leave"; readonly id: number };

/**
 * A GPU around the real one whose n-th call fails, in one way or another: what every driver does some day. Calls are
 * counted over adapter, device, queue, buffers and encoders; what the real ones do is left to them.
 */
export type Failure = "validation" | "out-of-memory" | "lost" | "rejected" | "late";

/** Calls that can fail, and in which ways. */
const CAN_FAIL: Readonly<Record<string, readonly Failure[]>> = {
  requestAdapter: ["rejected"],
  requestDevice: ["rejected"],
  createBuffer: ["out-of-memory", "validation", "lost"],
  createShaderModule: ["validation", "lost"],
  createComputePipelineAsync: ["rejected", "lost"],
  createPipelineLayout: ["validation", "lost"],
  createBindGroupLayout: ["validation", "lost"],
  createBindGroup: ["validation", "lost"],
  createCommandEncoder: ["validation", "lost"],
  submit: ["validation", "out-of-memory", "lost"],
  writeBuffer: ["validation", "lost"],
  onSubmittedWorkDone: ["rejected", "late", "lost"],
  mapAsync: ["rejected", "late", "lost"],
  popErrorScope: ["rejected", "lost"],
};

export interface Plan {
  /** Call that fails, counted from 1; 0 for none. */
  readonly at: number;
  /** Which of the ways of that call. */
  readonly way: number;
  /** What the adapter says of itself, where it should pass for another. */
  readonly info?: Partial<GPUAdapterInfo> | undefined;
}

export interface FailingGpu {
  readonly gpu: GPU;
  /** Calls so far, by name, in order. */
  readonly calls: string[];
  /** What failed, once it has. */
  readonly failed: () => string | null;
}

/** How many ways a call of that name has to fail. */
export const waysOf = (name: string): number => CAN_FAIL[name]!.length;

/** How late a late answer is. */
const LATE_MS = 30;

class InjectedError extends Error {
  override readonly name = "OperationError";
}

/** Wraps `real`. A test may use what the source does not: the Proxy stands for objects of a dozen kinds. */
export function failingGpu(real: GPU, plan: Plan): FailingGpu {
  const calls: string[] = [];
  let failed: string | null = null;
  const raws = new WeakMap<object, object>();
  const raw = (x: unknown): unknown => {
    if (Array.isArray(x)) return x.map(raw);
    if (typeof x !== "object" || x === null) return x;
    const own = raws.get(x);
    if (own) return own;
    if (Object.getPrototypeOf(x) !== Object.prototype) return x;
    return Object.fromEntries(Object.entries(x).map(([k, v]) => [k, raw(v)]));
  };

  /** Devices that were told to be lost: real ones cannot be, other than by destroying them. */
  const wrap = <T extends object>(target: T, device: DeviceState | null): T => {
    const bound = new Map<PropertyKey, unknown>();
    const proxy = new Proxy(target, {
      get(_t, key) {
        if (device && key === "lost") return device.lost;
        if (key === "info" && plan.info) return plan.info;
        if (bound.has(key)) return bound.get(key);
        const value = Reflect.get(target, key, target) as unknown;
        if (typeof value === "function") {
          const call = caller(target, String(key), value as (...a: unknown[]) => unknown, device);
          bound.set(key, call);
          return call;
        }
        return key === "queue" && typeof value === "object" && value ? keep(bound, key, wrap(value, device)) : value;
      },
      set(_t, key, value) {
        if (device && key === "onuncapturederror") device.uncaptured = value as DeviceState["uncaptured"];
        return Reflect.set(target, key, value, target);
      },
    });
    raws.set(proxy, target);
    return proxy;
  };
  const keep = (bound: Map<PropertyKey, unknown>, key: PropertyKey, value: unknown): unknown => {
    bound.set(key, value);
    return value;
  };

  const caller =
    (target: object, name: string, fn: (...a: unknown[]) => unknown, device: DeviceState | null) =>
    (...args: unknown[]): unknown => {
      const ways = CAN_FAIL[name];
      if (name === "pushErrorScope") device!.scopes.push({ filter: args[0] as GPUErrorFilter, error: null });
      if (name === "addEventListener" && args[0] === "uncapturederror") {
        device!.uncaptured = args[1] as DeviceState["uncaptured"];
      }
      if (ways) calls.push(name);
      const fails = ways && calls.length === plan.at ? ways[plan.way]! : null;
      if (fails) failed = `${name}: ${fails}`;
      const run = (): unknown => fn.apply(target, args.map(raw));
      if (name === "popErrorScope") return popped(device!, run, fails);
      if (fails === "rejected") {
        if (name === "requestAdapter") return Promise.resolve(null);
        return Promise.reject(new InjectedError(`injected: ${name} was rejected`));
      }
      if (fails === "late") return new Promise((resolve) => setTimeout(resolve, LATE_MS)).then(run);
      if (fails === "lost") {
        device!.lose();
        return after(run(), device);
      }
      if (fails) raise(device!, fails, name);
      // Work that is refused is not done; a buffer that is refused is an object all the same.
      if (fails && (name === "submit" || name === "writeBuffer")) return undefined;
      return after(run(), device);
    };

  const after = (result: unknown, device: DeviceState | null): unknown => {
    if (result instanceof Promise) return result.then((r) => after(r, device));
    if (typeof result !== "object" || result === null || ArrayBuffer.isView(result)) return result;
    if (result instanceof ArrayBuffer) return result;
    const kind = result.constructor.name;
    if (kind === "GPUDevice") return wrap(result, new DeviceState(result as GPUDevice));
    // A pass too, though none of its calls fails: Dawn ends the process when one is handed a Proxy for a buffer.
    return /^GPU(Adapter|Buffer|CommandEncoder|ComputePassEncoder)$/.test(kind) ? wrap(result, device) : result;
  };
  return { gpu: wrap(real, null), calls, failed: () => failed };
}

class DeviceState {
  readonly scopes: { filter: GPUErrorFilter; error: GPUError | null }[] = [];
  uncaptured: ((event: GPUUncapturedErrorEvent) => void) | null = null;
  readonly lost: Promise<GPUDeviceLostInfo>;
  private readonly told: Promise<GPUDeviceLostInfo>;

  constructor(private readonly device: GPUDevice) {
    this.told = device.lost;
    this.lost = this.told.then((info) => info);
  }

  /** The device goes, and everything on it. */
  lose(): void {
    this.device.destroy();
  }
}

/** An error arrives where WebGPU puts it: in the innermost scope for its kind, else at the device. */
function raise(device: DeviceState, kind: "validation" | "out-of-memory", name: string): void {
  const error = { message: `injected: ${name} (${kind})` } as GPUError;
  const scope = [...device.scopes].reverse().find((s) => s.filter === kind && s.error === null);
  if (scope) scope.error = error;
  else queueMicrotask(() => device.uncaptured?.({ error } as GPUUncapturedErrorEvent));
}

async function popped(device: DeviceState, run: () => unknown, fails: Failure | null): Promise<GPUError | null> {
  const scope = device.scopes.pop();
  if (fails === "lost") device.lose();
  const real = (await run()) as GPUError | null;
  if (fails === "rejected") throw new InjectedError("injected: popErrorScope was rejected");
  return scope?.error ?? real;
}

/** Plain JavaScript, with its types in instance.d.ts: threads load it in Node without a compiler. */

export function kernelNames(module) {
  return WebAssembly.Module.exports(module)
    .filter((e) => e.kind === "function")
    .map((e) => e.name);
}

/** An instance on a memory. Programs call kernels through the table, in which each has the number of its name. */
export function instantiate(module, memory) {
  const names = kernelNames(module);
  const table = new WebAssembly.Table({ element: "anyfunc", initial: names.length });
  const { exports } = new WebAssembly.Instance(module, { env: { memory, table } });
  names.forEach((name, i) => {
    table.set(i, exports[name]);
  });
  return exports;
}

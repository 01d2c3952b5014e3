/** Plain JavaScript, with its types in instance.d.ts: threads load it in Node without a compiler. */

export function kernelNames(modules) {
  return modules.flatMap((module) =>
    WebAssembly.Module.exports(module)
      .filter((e) => e.kind === "function")
      .map((e) => e.name),
  );
}

/** An instance of each module on a memory. Programs call kernels through the table, in which each has the number of its name. */
export function instantiate(modules, memory) {
  const names = modules.map((module) => kernelNames([module]));
  const table = new WebAssembly.Table({ element: "anyfunc", initial: names.flat().length });
  const instances = modules.map((module) => new WebAssembly.Instance(module, { env: { memory, table } }).exports);
  let at = 0;
  names.forEach((own, i) => {
    for (const name of own) table.set(at++, instances[i][name]);
  });
  return instances[0];
}

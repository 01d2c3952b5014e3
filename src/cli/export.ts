import { ChainruleError } from "../core/errors.ts";
import { print } from "./output.ts";

/** A format to export to. `to` is the file or folder named behind it, `args` everything else. */
interface Exporter {
  run(to: string, args: readonly string[]): Promise<number>;
  readonly help: string;
}

const exporters: Readonly<Record<string, () => Promise<Exporter>>> = {
  onnx: () => import("./export-onnx.ts"),
  pytorch: () => import("./export-pytorch.ts"),
};
const names = Object.keys(exporters);

export async function run(args: readonly string[]): Promise<number> {
  const at = args.indexOf("--to");
  if (at < 0 && (args.includes("--help") || args.includes("-h"))) {
    for (const load of Object.values(exporters)) print((await load()).help);
    return 0;
  }
  const [format, to] = at < 0 ? [] : args.slice(at + 1, at + 3);
  if (format === undefined || !Object.hasOwn(exporters, format)) {
    const got = format === undefined ? "" : `, got "${format}"`;
    throw new ChainruleError("usage", `--to must name a format, one of ${names.join(", ")}${got} (see --help)`);
  }
  const exporter = await exporters[format]!();
  if (args.includes("--help") || args.includes("-h")) {
    print(exporter.help);
    return 0;
  }
  if (to === undefined || to.startsWith("-")) {
    throw new ChainruleError("usage", `--to ${format}: where to is missing (see --help)`);
  }
  return exporter.run(to, args.toSpliced(at, 3));
}

import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bin, type Result } from "./command.ts";
import { runIn, runProgram } from "./program.ts";
import { pythonHere } from "./python.ts";

/** A fenced block of a guide. */
export interface Block {
  readonly language: string;
  /** What the fence says behind the language: a file's name, or how to compare. */
  readonly info: string;
  readonly code: string;
  /** Of the fence, from 1. */
  readonly line: number;
}

/** All fenced blocks, in their order. */
export function blocksOf(markdown: string): Block[] {
  const found = [...markdown.matchAll(/^```(\w*) *([^\n]*)\n([\s\S]*?)^```$/gm)];
  return found.map(({ index, 1: language, 2: info, 3: code }) => ({
    ...{ language: language!, info: info!.trim(), code: code! },
    line: markdown.slice(0, index).split("\n").length,
  }));
}

/** A block without its comments: what is the same in every language that people read. */
export function bare({ language, code }: Block, strings: "keep" | "drop"): string {
  const token = /"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  const shell = /(?<=^|\s)#[^\n]*/g;
  const text =
    language === "ts"
      ? code.replace(token, (t) => (t.startsWith("/") ? "" : strings === "keep" ? t : '""'))
      : language === "sh" || language === "python"
        ? code.replace(shell, "")
        : code;
  return text.replace(/[ \t]+$/gm, "").trim();
}

/**
 * Runs a guide from top to bottom in `folder`: programs, commands and files as a reader would, and compares what they
 * print with what the guide says. Throws naming the block's line.
 */
export async function runGuide(blocks: readonly Block[], folder: string): Promise<void> {
  const python = pythonHere();
  let printed: string | null = null;
  // True behind a block of PyTorch's that could not run: what follows has other numbers.
  let stoodIn = false;
  for (const [i, block] of blocks.entries()) {
    const fail = (message: string): never => {
      throw new Error(`line ${block.line} (${block.language}): ${message}`);
    };
    switch (block.language) {
      case "json":
      case "csv":
        if (!/^[\w.-]+$/.test(block.info)) fail(`it needs a file's name behind "${block.language}"`);
        if (block.language === "json") JSON.parse(block.code);
        writeFileSync(join(folder, block.info), block.code);
        printed = null;
        break;
      case "ts": {
        if (!/^[\w-]+\.mts$/.test(block.info)) fail('it needs a name that ends in .mts behind "ts"');
        const { status, out, err } = await runProgram(block.code, folder, block.info);
        if (status !== 0) fail(`it ended with ${status}:\n${out}${err}`);
        printed = out;
        break;
      }
      case "sh": {
        printed = "";
        for (const { words, status } of commandsOf(block.code)) {
          const ran = await runCommand(words, folder, python);
          if (ran === "stood in") {
            stoodIn = true;
            printed = null;
            break;
          }
          if (ran.status !== status) fail(`${words.join(" ")} ended with ${ran.status}:\n${ran.out}${ran.err}`);
          printed += ran.out || (status === 0 ? "" : ran.err);
        }
        break;
      }
      case "python": {
        writeFileSync(join(folder, block.info), block.code);
        const ran = await runCommand(["python3", block.info], folder, python);
        if (ran !== "stood in" && ran.status !== 0) fail(`it ended with ${ran.status}:\n${ran.out}${ran.err}`);
        printed = ran === "stood in" ? null : ran.out;
        break;
      }
      case "text": {
        if (!["ts", "sh", "python"].includes(blocks[i - 1]?.language ?? "")) fail("nothing before it prints");
        if (printed === null) break;
        const complaint = differs(block.code, printed, block.info === "loose" || stoodIn ? "any" : 0.1);
        if (complaint) fail(`${complaint}\nprinted:\n${printed}`);
        break;
      }
      default:
        fail("blocks are ts, sh, python, json, csv or text");
    }
  }
}

interface Command {
  readonly words: readonly string[];
  /** 0, or the number that a comment behind the command ends with. */
  readonly status: number;
}

function commandsOf(code: string): Command[] {
  const lines = code.replace(/\\\n\s*/g, " ").split("\n");
  return lines.flatMap((line) => {
    const [, text, comment] = /^(.*?)(?:\s*(?<=^|\s)#(.*))?$/.exec(line)!;
    const words = [...text!.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2] ?? m[3]!);
    return words.length > 0 ? [{ words, status: Number(/(\d+)$/.exec(comment ?? "")?.[1] ?? 0) }] : [];
  });
}

type Python = ReturnType<typeof pythonHere>;

async function runCommand(words: readonly string[], folder: string, python: Python): Promise<Result | "stood in"> {
  const [command, ...args] = words;
  if (command === "npx" && args[0] === "chainrule") return runIn(folder, process.execPath, [bin, ...args.slice(1)]);
  if (command !== "python3" && command !== "torchrun") throw new Error(`${command}: not a command of the guides`);
  const processes = command === "torchrun" ? Number(args[args.indexOf("--nproc_per_node") + 1]) : 1;
  const rest = command === "torchrun" ? args.slice(2) : args;
  if (python.torch) return runPython(python.command, rest, folder, processes);
  standIn(rest, folder);
  if (!python.present) return "stood in";
  const scripts = join(folder, rest[0]!, "..");
  const files = readdirSync(scripts).filter((file) => file.endsWith(".py"));
  const compiled = await runIn(scripts, python.command, ["-m", "py_compile", ...files]);
  return compiled.status === 0 ? "stood in" : compiled;
}

/** What the script would save is there for what comes next: the weights as they were exported. */
function standIn(args: readonly string[], folder: string): void {
  const at = args.indexOf("--save");
  if (at < 0) return;
  const [from, to] = [join(folder, args[0]!, ".."), join(folder, args[at + 1]!)];
  mkdirSync(to, { recursive: true });
  for (const file of ["model.safetensors", "optimizer.safetensors"]) {
    if (existsSync(join(from, file))) copyFileSync(join(from, file), join(to, file));
  }
}

/** One process, or several side by side in the environment that torchrun gives them; gives what the first prints. */
async function runPython(command: string, args: readonly string[], cwd: string, processes: number): Promise<Result> {
  const together = { WORLD_SIZE: `${processes}`, MASTER_ADDR: "127.0.0.1", MASTER_PORT: "29541" };
  const one = (rank: number): Promise<Result> => {
    const env = { ...process.env, ...together, OMP_NUM_THREADS: "1", RANK: `${rank}`, LOCAL_RANK: `${rank}` };
    return runIn(cwd, command, args, env);
  };
  const all = await Promise.all(Array.from({ length: processes }, (_, rank) => one(rank)));
  return all.find(({ status }) => status !== 0) ?? all[0]!;
}

const NUMBER = /-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/g;

/**
 * What is wrong with `printed` beside `expected`, or null. A line of "..." stands for any lines, "..." within one for any
 * text, rules of dashes have any length. Whole numbers must be the same; of others, those within `tolerance` (relative)
 * are, and so are two below 1e-5, which are rounding. "any": whatever number.
 */
export function differs(expected: string, printed: string, tolerance: number | "any"): string | null {
  const tidy = (text: string): string[] =>
    text
      .trim()
      .split("\n")
      .map((line) => line.trim().replace(/\s+/g, " ").replace(/-{2,}/g, "--"));
  const [wanted, got] = [tidy(expected), tidy(printed)];
  const matches = (i: number, j: number): boolean => {
    if (i === wanted.length) return j === got.length;
    if (wanted[i] === "...") return matches(i + 1, j) || (j < got.length && matches(i, j + 1));
    return j < got.length && sameLine(wanted[i]!, got[j]!, tolerance) && matches(i + 1, j + 1);
  };
  if (matches(0, 0)) return null;
  const odd = wanted.find((line) => line !== "..." && !got.some((other) => sameLine(line, other, tolerance)));
  return odd === undefined ? "the lines are there, but not in this order or not alone" : `not printed: ${odd}`;
}

function sameLine(wanted: string, got: string, tolerance: number | "any"): boolean {
  const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const numbers: string[] = [];
  const pattern = wanted
    .split("...")
    .map((part) => {
      let [from, text] = [0, ""];
      for (const { 0: number, index } of part.matchAll(NUMBER)) {
        text += `${escaped(part.slice(from, index))}(-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?)`;
        numbers.push(number);
        from = index + number.length;
      }
      return text + escaped(part.slice(from));
    })
    .join(".*");
  const found = new RegExp(`^${pattern}$`).exec(got);
  return found !== null && numbers.every((number, k) => sameNumber(number, found[k + 1]!, tolerance));
}

function sameNumber(wanted: string, got: string, tolerance: number | "any"): boolean {
  if (tolerance === "any") return true;
  const whole = (text: string): boolean => /^-?\d+$/.test(text);
  if (whole(wanted) && whole(got)) return wanted === got;
  const [a, b] = [Number(wanted), Number(got)];
  const [small, large] = [Math.abs(a - b), Math.max(Math.abs(a), Math.abs(b))];
  return large < 1e-5 || small <= tolerance * large;
}

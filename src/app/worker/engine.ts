import type { BenchReport } from "../../bench/report.ts";
import type { Section } from "../../bench/run.ts";
import type { DirectionRow } from "../../bench/tutorial.ts";
import type { Language } from "../state/language.ts";
import type { Ends, Settings, TextForm } from "../state/settings.ts";
import type { AttentionSetup, AttentionStory } from "./attention-story.ts";
import type { ConvSetup, ConvStory } from "./conv-story.ts";
import type { Asked, Inside } from "./inside.ts";
import type { KernelEdit, KernelTiming } from "./kernels.ts";
import type { RanKernel } from "./ran-kernels.ts";
import type { StepKernels } from "./step-kernels.ts";
import type { Story } from "./story.ts";
import type { TokenStory } from "./token-story.ts";
import type {
  AskedNet,
  BenchNews,
  DroppedFile,
  ExportKind,
  FolderImages,
  ImagesNews,
  OwnData,
  OwnInfo,
  Progress,
  ResumedRun,
  RunInfo,
  SavedRun,
  TakenNet,
  TextLook,
  TextSource,
  Writing,
} from "./types.ts";
import type { TensorPicture, XrayReport } from "./xray.ts";

/** What the worker offers; every call is asynchronous across threads. */
export interface Engine {
  configure(settings: Settings): Promise<RunInfo>;
  own(data: OwnData, language: Language): Promise<OwnInfo>;
  /** Reads a text; `tokenizer` is the file that makes tokens of it, from now on wherever `form` says "file". */
  text(source: TextSource, form: TextForm, tokenizer?: DroppedFile): Promise<OwnInfo>;
  /** What the net writes behind a prompt, as it is now. */
  write(asked: Writing): Promise<{ readonly step: number; readonly text: string }>;
  look(typed: string): Promise<TextLook>;
  images(given: FolderImages, listener: (news: ImagesNews) => void): Promise<OwnInfo>;
  cancelImages(): Promise<void>;
  /**
   * Takes a net out of another library's files, or weights for the net that is there; `ends` is what the data asks of it.
   * Weights of other names are taken only where `byOrder` says so.
   */
  takeNet(files: readonly DroppedFile[], ends: Ends, byOrder: boolean): Promise<TakenNet | AskedNet>;
  play(listener: (p: Progress) => void | Promise<void>): Promise<void>;
  pause(): Promise<void>;
  /** Steps a second while playing; null for as many as the device takes. */
  speed(stepsPerSecond: number | null): Promise<void>;
  steps(n: number): Promise<Progress>;
  reset(): Promise<Progress>;
  /** Whether a run of these settings was kept, further than this one is. */
  savedRun(): Promise<SavedRun | null>;
  goOn(): Promise<ResumedRun>;
  discardSaved(): Promise<void>;
  /** Probabilities of the classes for one row. */
  classify(row: Float32Array): Promise<Float32Array>;
  /** What the net makes of one image: filters and feature maps. */
  inside(asked: Asked): Promise<Inside>;
  exportFile(kind: ExportKind): Promise<DroppedFile>;
  /** Null where it was cancelled; `listener` is told how many of the nodes have been compared. */
  xray(listener: (done: number, of: number) => void): Promise<XrayReport | null>;
  cancelXray(): void;
  tensor(name: string): Promise<TensorPicture | null>;
  replay(): Promise<string>;
  story(row: number): Promise<Story>;
  /** Of a net that learns a text: one window, and of its losses that of one step, or of all. */
  tokenStory(row: number, of: number | null): Promise<TokenStory>;
  /** Of the small convolution net that the Backprop room has, whatever is trained. */
  convStory(setup: ConvSetup): Promise<ConvStory>;
  /** Of the one row of attention there. */
  attentionStory(setup: AttentionSetup): Promise<AttentionStory>;
  ranKernels(row: number): Promise<readonly RanKernel[]>;
  directions(): Promise<readonly DirectionRow[]>;
  benchmark(
    options: { readonly sections: readonly Section[]; readonly max: number },
    listener: (report: BenchReport, progress: BenchNews) => void,
  ): Promise<void>;
  markdown(report: BenchReport): Promise<string>;
  cancelBenchmark(): void;
  kernels(): Promise<StepKernels>;
  timeKernels(): Promise<readonly KernelTiming[]>;
  editKernel(edit: KernelEdit): Promise<{ readonly line: number; readonly message: string }[]>;
  xrayEdited(edit: KernelEdit): Promise<XrayReport>;
}

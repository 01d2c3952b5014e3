import { expose } from "comlink";
import { openGpu } from "./devices.ts";
import type { Engine } from "./engine.ts";
import { leave, play, rewind, setSpeed, stop, takeSteps } from "./loop.ts";
import { classify } from "./pictures.ts";
import { anythingKept } from "./saved-folder.ts";
import { configure, current } from "./session.ts";

// Asked for at once: the page needs a while until it says what it wants.
void openGpu();
// The first net is small, so it will want this: fetched while the GPU is asked for.
import("../../backend/webgpu/whole-steps.ts").catch(() => undefined);
// The first evaluation wants it, when the page may be offline.
import("../../train/evaluation/evaluate-source.ts").catch(() => undefined);

/** What only one room needs is loaded when that room is opened: training begins with as little as it can. */
const xray = () => import("./xray.ts");
const kernels = () => import("./kernels.ts");
const story = () => import("./story.ts");
const bench = () => import("./bench.ts");
const savedRun = () => import("./saved-run.ts");
const text = () => import("./text.ts");
const images = () => import("./images.ts");

const engine: Engine = {
  async configure(settings) {
    await leave();
    return configure(settings);
  },
  images: async (given, listener) => (await images()).takeImages(given, listener),
  cancelImages: async () => (await images()).cancelImages(),
  text: async (...given) => (await text()).takeText(...given),
  write: async (asked) => (await text()).write(asked),
  look: async (typed) => (await text()).look(typed),
  // A run goes on while a file is read, and if it is refused.
  own: async (...given) => (await import("./own-data.ts")).takeOwn(...given),
  takeNet: async (...given) => (await import("./own-net.ts")).takeNet(...given),
  async play(listener) {
    play(listener);
  },
  pause: stop,
  async speed(stepsPerSecond) {
    setSpeed(stepsPerSecond);
  },
  steps: takeSteps,
  reset: rewind,
  savedRun: async () => ((await anythingKept()) ? (await savedRun()).lookFor(current()) : null),
  async goOn() {
    await stop();
    return (await savedRun()).goOn();
  },
  discardSaved: async () => (await savedRun()).discard(current()),
  classify,
  inside: async (asked) => (await import("./inside.ts")).inside(asked),
  exportFile: async (kind) => (await import("./export.ts")).exportFile(kind),
  async xray(listener) {
    await stop();
    return (await xray()).xrayUnlessCancelled(listener);
  },
  cancelXray: async () => (await xray()).cancel(),
  tensor: async (name) => (await xray()).tensorPicture(name),
  async replay() {
    await stop();
    return (await import("./replay.ts")).replayText();
  },
  async story(row) {
    await stop();
    return (await story()).storyOf(row);
  },
  async tokenStory(...asked) {
    await stop();
    return (await text()).tokenStory(...asked);
  },
  convStory: async (setup) => (await import("./conv-story.ts")).convStory(setup),
  attentionStory: async (setup) => (await import("./attention-story.ts")).attentionStory(setup),
  async ranKernels(row) {
    await stop();
    return (await import("./ran-kernels.ts")).ranKernels(row);
  },
  directions: async () => (await bench()).directions(),
  async benchmark(options, listener) {
    await stop();
    return (await bench()).benchmark(options, listener);
  },
  markdown: async (report) => (await bench()).markdown(report),
  cancelBenchmark: async () => (await bench()).cancel(),
  kernels: async () => (await import("./step-kernels.ts")).kernelNodes(),
  async timeKernels() {
    await stop();
    return (await kernels()).timeKernels();
  },
  editKernel: async (edit) => (await kernels()).compileEdit(edit),
  async xrayEdited(edit) {
    await stop();
    return (await kernels()).xrayEdited(edit);
  },
};

expose(engine);

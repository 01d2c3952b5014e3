import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { withArrows } from "./arrows.ts";

const PLAY_MS = 600;

/** One film's place: which of its pictures is shown, and whether it plays by itself. */
export interface Pictures<Frame> {
  readonly frames: ReadonlySignal<readonly Frame[]>;
  readonly at: Signal<number>;
  readonly frame: ReadonlySignal<Frame | null>;
  readonly playing: Signal<boolean>;
  goTo(picture: number): void;
  play(): void;
  stop(): void;
}

export interface Player<Frame, Cell> extends Pictures<Frame> {
  /** What the pointer or the keyboard is on; it is explained in place of the picture's own cell. */
  readonly looked: Signal<Cell | null>;
  /** The arrow keys go through the pictures, until what is returned is called. */
  open(): () => void;
}

export function player<Frame, Cell>(frames: ReadonlySignal<readonly Frame[]>): Player<Frame, Cell> {
  const at = signal(0);
  const frame = computed(() => frames.value[at.value] ?? null);
  const looked = signal<Cell | null>(null);
  const playing = signal(false);
  let timer: ReturnType<typeof setInterval> | undefined;
  const goTo = (picture: number): void => {
    at.value = Math.max(0, Math.min(frames.value.length - 1, picture));
    looked.value = null;
  };
  const stop = (): void => {
    clearInterval(timer);
    playing.value = false;
  };
  return {
    frames,
    at,
    frame,
    looked,
    playing,
    goTo,
    stop,
    /** From the beginning where it is at its end. */
    play() {
      if (at.value === frames.value.length - 1) goTo(0);
      playing.value = true;
      timer = setInterval(() => {
        goTo(at.value + 1);
        if (at.value === frames.value.length - 1) stop();
      }, PLAY_MS);
    },
    open() {
      return withArrows((by) => goTo(at.value + by), stop);
    },
  };
}

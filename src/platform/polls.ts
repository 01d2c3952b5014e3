/** So long Dawn may look in every turn of the event loop: short work is told of at once. */
const SHORT_MS = 8;
/** Then again after this share of the time that it has waited, a millisecond at least, as timers have it. */
const SHARE = 1 / 16;
/** Something short may have been asked for while something long is waited for. */
const MOST_MS = 4;

const RESTING = Symbol.for("chainrule.restBetweenPolls");

/**
 * Dawn's binding for Node asks what is done in every turn of the event loop, by the global setImmediate, for as long as
 * anything is awaited. That takes a whole core, which an adapter on the CPU and its compiler are in want of. From now on
 * it asks ever more seldom: those calls, and no others, are handed to timers once the wait is longer than `shortMs`.
 */
export function restBetweenPolls(shortMs = SHORT_MS): void {
  const immediate = globalThis.setImmediate;
  if (RESTING in immediate) return;
  const later = globalThis.setTimeout;
  let since = 0;
  let polling = false;
  const resting = (callback: (...args: unknown[]) => void, ...args: unknown[]): unknown => {
    if (!isPoll(callback)) return immediate(callback, ...args);
    const poll = (): void => {
      polling = true;
      try {
        callback();
      } finally {
        polling = false;
      }
    };
    // From within a poll it is the next one; from elsewhere the first of a wait.
    if (!polling) since = performance.now();
    const age = performance.now() - since;
    return age < shortMs ? immediate(poll) : later(poll, Math.min(MOST_MS, age * SHARE));
  };
  Object.defineProperties(resting, { ...Object.getOwnPropertyDescriptors(immediate), [RESTING]: { value: true } });
  globalThis.setImmediate = resting as typeof immediate;
}

/** Native and without parameters. A promise's resolve is native, too, and has one; what bind() gives says so in its name. */
const isPoll = (callback: (...args: unknown[]) => void): boolean =>
  callback.length === 0 &&
  !callback.name.startsWith("bound ") &&
  Function.prototype.toString.call(callback).endsWith("{ [native code] }");

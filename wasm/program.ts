/**
 * Runs programs: lists of calls, as core.ts has them. Threads that help share the memory. The one that runs the program
 * publishes a call with many parts; everyone who is there claims parts until none is left.
 */

/** Words of the meeting place, at the bottom of the memory. CLAIM holds call and next part in one, so they cannot differ. */
const CLAIM: usize = 64;
const DONE: usize = 72;
const GENERATION: usize = 76;
const SLEEPERS: usize = 80;
const OPEN: usize = 84;

/**
 * Looks at the meeting place before a thread goes to sleep: some 0.3 ms. With 4,000 of them a gpt's step put threads to sleep
 * and woke them 190 times, which was a fifth of its time: bench/NOTES.md.
 */
const SPINS: i32 = 60_000;
const HELPER_NAP: i64 = 2_000_000;
const OWNER_NAP: i64 = 50_000;

// @ts-ignore: decorator
@inline
function perform(call: usize, part: i32, parts: i32): void {
  call_indirect<void>(load<u32>(call), call, part, parts);
}

/** Runs the calls from `first` to `end`, `steps` times. `shared` says whether helpers may be there. */
export function run(first: usize, end: usize, steps: i32, shared: bool): void {
  for (let step = 0; step < steps; step++) {
    for (let call = first; call < end; call += <usize>load<u32>(call, 8)) {
      const parts = load<i32>(call, 4);
      if (parts > 1 && shared) share(call, parts);
      else for (let part = 0; part < parts; part++) perform(call, part, parts);
    }
  }
}

function share(call: usize, parts: i32): void {
  atomic.store<i32>(DONE, 0);
  atomic.store<u64>(CLAIM, <u64>call << 32);
  atomic.add<i32>(GENERATION, 1);
  if (atomic.load<i32>(SLEEPERS) > 0) atomic.notify(GENERATION, -1);
  help();
  let spins = 0;
  for (;;) {
    const done = atomic.load<i32>(DONE);
    if (done == parts) return;
    if (++spins > SPINS) atomic.wait<i32>(DONE, done, OWNER_NAP);
  }
}

/** Does parts of the published call until all are claimed. */
function help(): void {
  for (;;) {
    const seen = atomic.load<u64>(CLAIM);
    if (seen == 0 || <i32>seen >= load<i32>(<usize>(seen >> 32), 4)) return;
    const mine = atomic.add<u64>(CLAIM, 1);
    const call = <usize>(mine >> 32);
    const parts = load<i32>(call, 4);
    if (<i32>mine >= parts) return;
    perform(call, <i32>mine, parts);
    atomic.add<i32>(DONE, 1);
  }
}

/** Lets helpers in, before a run. */
export function open(): void {
  atomic.store<u64>(CLAIM, 0);
  atomic.store<i32>(OPEN, 1);
}

/** Sends them away, after it. */
export function close(): void {
  atomic.store<i32>(OPEN, 0);
  atomic.add<i32>(GENERATION, 1);
  atomic.notify(GENERATION, -1);
}

/** Helps until the runner closes. */
export function serve(): void {
  let generation = atomic.load<i32>(GENERATION);
  while (atomic.load<i32>(OPEN)) {
    help();
    let spins = 0;
    while (spins < SPINS && atomic.load<i32>(GENERATION) == generation) spins++;
    if (spins == SPINS) {
      atomic.add<i32>(SLEEPERS, 1);
      atomic.wait<i32>(GENERATION, generation, HELPER_NAP);
      atomic.sub<i32>(SLEEPERS, 1);
    }
    generation = atomic.load<i32>(GENERATION);
  }
}

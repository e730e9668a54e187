/**
 * Long computations in slices: a generator that yields every few milliseconds of work, counted in work and not by a
 * clock, so that one block's hash does not hold up everything else on a single-threaded runtime.
 */
export type Slices<T> = Generator<void, T, void>;

/** Lets others run: resolves on a later turn of the event loop. */
export type Pause = () => Promise<void>;

/** The result, without a pause. */
export function runAtOnce<T>(slices: Slices<T>): T {
  let step = slices.next();
  while (step.done !== true) step = slices.next();
  return step.value;
}

/**
 * The result, with a pause after every slice.
 * @throws what `pause` throws, after the computation has wiped its scratch memory
 */
export async function runWithPauses<T>(slices: Slices<T>, pause: Pause): Promise<T> {
  let step = slices.next();
  while (step.done !== true) {
    try {
      await pause();
    } catch (error) {
      step = slices.throw(error); // runs its `finally`, then throws here
      continue;
    }
    step = slices.next();
  }
  return step.value;
}

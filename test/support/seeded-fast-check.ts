/**
 * fast-check as tests import it (vitest.config.ts puts this in its place): the same random inputs for every change, so
 * that none is refused by luck. `QKD_TEST_SEED=N npm test` plays others, which is worth a night; with `QKD_TEST_LONG=1` a
 * property of Node's tests is tried on as many as its test says, else on a third of them.
 */
import { inject } from "vitest";
import * as fc from "../../node_modules/fast-check/lib/fast-check.js";

declare module "vitest" {
  interface ProvidedContext {
    readonly seed: number;
  }
}

fc.configureGlobal({ seed: inject("seed") });

const USUAL_RUNS = 100;
// What histories of objects there are, in workerd, their tests say: none of them is left out.
const isWhole = navigator.userAgent === "Cloudflare-Workers" || process.env["QKD_TEST_LONG"] !== undefined;

function assert<T>(property: fc.IRawProperty<T>, { numRuns = USUAL_RUNS, ...more }: fc.Parameters<T> = {}): unknown {
  return fc.assert(property as fc.IAsyncProperty<T>, { ...more, numRuns: isWhole ? numRuns : Math.ceil(numRuns / 3) });
}

const seeded = { ...fc.default, assert: assert as typeof fc.assert };

export * from "../../node_modules/fast-check/lib/fast-check.js";
export { assert };
export default seeded;

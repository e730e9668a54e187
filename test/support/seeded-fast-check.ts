/**
 * fast-check as tests import it (vitest.config.ts puts this in its place): the same random inputs for every change, so
 * that none is refused by luck. `QKD_TEST_SEED=N npm test` plays others, which is worth a night.
 */
import { inject } from "vitest";
import * as fc from "../../node_modules/fast-check/lib/fast-check.js";

declare module "vitest" {
  interface ProvidedContext {
    readonly seed: number;
  }
}

fc.configureGlobal({ seed: inject("seed") });

export * from "../../node_modules/fast-check/lib/fast-check.js";
export { default } from "../../node_modules/fast-check/lib/fast-check.js";

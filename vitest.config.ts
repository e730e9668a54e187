import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

/** As scripts/bootstrap.mjs has it, for who runs Vitest without: tests start hundreds of processes of a few programs. */
process.env["NODE_COMPILE_CACHE"] ??= join(import.meta.dirname, "dist", "compiled");

/** Of all that tests do at random: the same for every change, unless another is asked for. */
const seed = process.env["QKD_TEST_SEED"] ?? "20261121";
const SEEDED = {
  resolve: { alias: { "fast-check": join(import.meta.dirname, "test", "support", "seeded-fast-check.ts") } },
};

/**
 * Files at once, of all projects together: every file has ports and folders of its own. The unit tests come last (as
 * projects go by their names), and being many and short leave no worker idle at the end.
 */
const TOGETHER = { maxWorkers: 5, sequence: { groupOrder: 0 } };

/** Times are generous, for slow and busy machines: no test asserts a time. */
const COMMON = {
  provide: { seed: Number(seed) },
  testTimeout: 120_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 30_000 } },
};

/** `qkd-edge/client` as it stands in this folder, not as it was built last; the others are Vite's own. */
const OWN_SOURCE = {
  ssr: { resolve: { conditions: ["qkd-edge-source", "module", "node", "development|production"] } },
};

/** Of those that start processes. */
const OWN_PORTS = { setupFiles: ["test/support/own-ports.ts"] };

/** What the Worker imports and no file of this folder holds; and the pages that it serves. */
const BUILT = ["scripts/kem/extract.ts", "scripts/web/build.ts"];
/** Wrangler wants the pages' folder when it reads its settings, which is before anything is built. */
mkdirSync(join(import.meta.dirname, "dist", "web"), { recursive: true });

/**
 * Objects outlive the last test of a worker by a moment. What they log then, or are loaded for as an alarm wakes them,
 * would come too late for Vitest, which takes its own question for a fault of theirs.
 */
const isOfEnd = ({ name = "", message }: { readonly name?: string; readonly message: string }): boolean =>
  name === "EnvironmentTeardownError" && /^\[vitest-worker\]: Closing rpc while "\w+" was pending$/.test(message);

const inWorkerd = () =>
  cloudflareTest({
    wrangler: { configPath: "./wrangler.toml" },
    miniflare: {
      bindings: {
        QKD_MTLS: "front",
        QKD_DEMO: "1",
        // The Monitor looks where a test has it look.
        QKD_MONITOR_S: "0",
        QKD_TEST_SEED: seed,
        // Fixed keys of the test bench; real ones are made at random by `npm start` or set as secrets.
        QKD_EPOCH_KEY_1: "dGVzdC1lcG9jaC1rZXktMzItYnl0ZXMtbG9uZy0hISE=",
        QKD_EPOCH_KEY_2: "dGhlLXNlY29uZC1lcG9jaC1rZXktb2YtdGhlLXRlc3Q=",
        // 3 is missing, as one that was destroyed.
        QKD_EPOCH_KEY_4: "dGhlLXRoaXJkLWVwb2NoLWtleS1vZi10aGUtdGVzdHM=",
        QKD_IDENTITY_SEED: "dGhlLWlkZW50aXR5LXNlZWQtb2YtdGhlLXRlc3RzLTE=",
        // SHA-256 of the token "bootstrap-token-of-the-in-workerd-tests".
        QKD_BOOTSTRAP_SHA256: "d71e801bd0dc753e21877470c6c3f89eabb00582af968651a2320fddb0dcd70a",
      },
    },
  });

export default defineConfig({
  test: {
    onUnhandledError: (error) => !isOfEnd(error),
    projects: [
      {
        ...SEEDED,
        ...OWN_SOURCE,
        test: {
          name: "unit",
          // A third of the time went into loading the same modules for each file.
          isolate: false,
          ...COMMON,
          ...TOGETHER,
          ...OWN_PORTS,
          include: [
            "tunnel/**/*.test.ts",
            "cli/**/*.test.ts",
            "pki/**/*.test.ts",
            "scripts/**/*.test.ts",
            "bench/**/*.test.ts",
            "client/**/*.test.ts",
          ],
        },
      },
      {
        ...SEEDED,
        ...OWN_SOURCE,
        // Functions without surroundings: nothing is left behind that another file could meet.
        test: {
          name: "unit-shared",
          ...COMMON,
          ...TOGETHER,
          isolate: false,
          include: ["shared/**/*.test.ts", "dashboard/**/*.test.ts", "examples/messenger/**/*.test.ts"],
        },
      },
      {
        ...SEEDED,
        plugins: [inWorkerd()],
        test: {
          name: "in-workerd",
          globalSetup: BUILT,
          // To load the Worker takes longer than most of the tests: it stays, and what they have stored goes.
          isolate: false,
          // Of what comes late (`isOfEnd`) most would be lines of logs: they go past Vitest.
          disableConsoleIntercept: true,
          setupFiles: ["test/support/in-workerd-fresh.ts"],
          ...COMMON,
          ...TOGETHER,
          include: ["durable-objects/**/*.test.ts", "workers/**/*.test.ts"],
        },
      },
      {
        ...SEEDED,
        ...OWN_SOURCE,
        test: {
          name: "end-to-end",
          isolate: false,
          include: ["test/**/*.test.ts"],
          ...COMMON,
          ...TOGETHER,
          ...OWN_PORTS,
        },
      },
    ],
  },
});

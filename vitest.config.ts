import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

/** Of the random histories; a fixed one where it is absent. */
const seed = process.env["QKD_TEST_SEED"];

/**
 * Files at once, of all projects together: every file has ports and folders of its own. The unit tests come last (as
 * projects go by their names), and being many and short leave no worker idle at the end.
 */
const TOGETHER = { maxWorkers: 3, sequence: { groupOrder: 0 } };

/** Generous, for slow and busy machines: no test asserts a time. */
const PATIENCE = { testTimeout: 60_000, hookTimeout: 120_000 };

/** `qkd-edge/client` as it stands in this folder, not as it was built last; the others are Vite's own. */
const OWN_SOURCE = {
  ssr: { resolve: { conditions: ["qkd-edge-source", "module", "node", "development|production"] } },
};

/**
 * Tests of functions, and of objects whose names no other test uses: they share a runtime, with what it has loaded and
 * stored. The others have the deployment's one Directory, and a runtime for each file.
 */
const OWN_OBJECTS = [
  "durable-objects/{audit-log,storage}/*.test.ts",
  "durable-objects/key-pool/!(epoch-roll|roll-back).test.ts",
  "durable-objects/key-stream/!(sockets).test.ts",
  "durable-objects/key-stream/hybrid/!(exchange).test.ts",
  "workers/{clients,middleware}/*.test.ts",
];

/** What the Worker imports and no file of this folder holds. */
const KEMS = ["scripts/kem/extract.ts"];

const inWorkerd = () =>
  cloudflareTest({
    wrangler: { configPath: "./wrangler.toml" },
    miniflare: {
      bindings: {
        QKD_MTLS: "front",
        QKD_DEMO: "1",
        ...(seed === undefined ? {} : { QKD_TEST_SEED: seed }),
        // Fixed keys of the test bench; real ones are made at random by `npm start` or set as secrets.
        QKD_EPOCH_KEY_1: "dGVzdC1lcG9jaC1rZXktMzItYnl0ZXMtbG9uZy0hISE=",
        QKD_EPOCH_KEY_2: "dGhlLXNlY29uZC1lcG9jaC1rZXktb2YtdGhlLXRlc3Q=",
        // 3 is missing, as one that was destroyed.
        QKD_EPOCH_KEY_4: "dGhlLXRoaXJkLWVwb2NoLWtleS1vZi10aGUtdGVzdHM=",
        // SHA-256 of the token "bootstrap-token-of-the-in-workerd-tests".
        QKD_BOOTSTRAP_SHA256: "d71e801bd0dc753e21877470c6c3f89eabb00582af968651a2320fddb0dcd70a",
      },
    },
  });

export default defineConfig({
  test: {
    projects: [
      {
        ...OWN_SOURCE,
        test: {
          name: "unit",
          ...PATIENCE,
          ...TOGETHER,
          include: [
            "shared/**/*.test.ts",
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
        plugins: [inWorkerd()],
        test: {
          name: "in-workerd",
          globalSetup: KEMS,
          ...PATIENCE,
          ...TOGETHER,
          include: ["durable-objects/**/*.test.ts", "workers/**/*.test.ts"],
          exclude: OWN_OBJECTS,
        },
      },
      {
        plugins: [inWorkerd()],
        test: {
          name: "in-workerd-objects",
          globalSetup: KEMS,
          ...PATIENCE,
          ...TOGETHER,
          isolate: false,
          include: OWN_OBJECTS,
        },
      },
      {
        ...OWN_SOURCE,
        test: {
          name: "end-to-end",
          include: ["test/**/*.test.ts"],
          ...PATIENCE,
          ...TOGETHER,
        },
      },
    ],
  },
});

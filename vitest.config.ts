import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

/** Of the random histories; a fixed one where it is absent. */
const seed = process.env["QKD_TEST_SEED"];

/** Files at once of what keeps to itself; end-to-end tests come afterwards, with ports and folders of their own. */
const APART = { maxWorkers: 2, sequence: { groupOrder: 0 } };

/** Generous, for slow and busy machines: no test asserts a time. */
const PATIENCE = { testTimeout: 60_000, hookTimeout: 120_000 };

/** `qkd-edge/client` as it stands in this folder, not as it was built last; the others are Vite's own. */
const OWN_SOURCE = {
  ssr: { resolve: { conditions: ["qkd-edge-source", "module", "node", "development|production"] } },
};

export default defineConfig({
  test: {
    projects: [
      {
        ...OWN_SOURCE,
        test: {
          name: "unit",
          ...PATIENCE,
          ...APART,
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
        plugins: [
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
          }),
        ],
        test: {
          name: "in-workerd",
          globalSetup: ["scripts/kem/extract.ts"],
          ...PATIENCE,
          ...APART,
          include: ["durable-objects/**/*.test.ts", "workers/**/*.test.ts"],
        },
      },
      {
        ...OWN_SOURCE,
        test: {
          name: "end-to-end",
          include: ["test/**/*.test.ts"],
          ...PATIENCE,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});

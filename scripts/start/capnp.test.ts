import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { unstable_readConfig } from "wrangler";
import { COMPATIBILITY_DATE, COMPATIBILITY_FLAGS, engineConfig, OBJECT_CLASSES } from "./capnp.ts";
import { PROJECT } from "./paths.ts";

const wrangler = unstable_readConfig({ config: join(PROJECT, "wrangler.toml") });

it("binds the classes that wrangler.toml binds, at its compatibility date and with its flags", () => {
  const bound = wrangler.durable_objects.bindings.map(({ name, class_name }: { name: string; class_name: string }) => [
    name,
    class_name,
  ]);
  expect(OBJECT_CLASSES.map(({ binding, className }) => [binding, className])).toEqual(bound);
  expect(COMPATIBILITY_DATE).toBe(wrangler.compatibility_date);
  expect(COMPATIBILITY_FLAGS).toEqual(wrangler.compatibility_flags);
  const exported = readFileSync(join(PROJECT, "workers", "index.ts"), "utf8");
  for (const { className } of OBJECT_CLASSES) expect(exported).toContain(`export const ${className} = deployedObject(`);
});

it("has the platform keep no headers of requests: a browser's token is in one that it does not know as secret", () => {
  expect(wrangler.observability).toEqual({ enabled: true, logs: { enabled: true, invocation_logs: false } });
});

it("never changes the keys under which data lies", () => {
  expect(OBJECT_CLASSES.map(({ uniqueKey }) => uniqueKey)).toEqual([
    "qkd-edge-directory",
    "qkd-edge-key-pool",
    "qkd-edge-key-stream",
    "qkd-edge-qkd-module",
    "qkd-edge-legacy-node",
    "qkd-edge-audit-log",
    "qkd-edge-tunnel-hub",
    "qkd-edge-trusted-node",
    "qkd-edge-kms-peer",
    "qkd-edge-proxy-agent",
    "qkd-edge-token-issuer",
    "qkd-edge-room",
    "qkd-edge-monitor",
    "qkd-edge-operator-sessions",
  ]);
});

it("believes the identity header on the fronts' socket only, and quotes what it is given", () => {
  const config = engineConfig({
    storage: '/a "b"/state',
    pages: "/a/pages",
    epochKeysSocket: "/run/keys.sock",
    frontsSocket: "/run/edge.sock",
    edgeAddress: "127.0.0.1:0",
    modules: ["index.js", "kem.wasm"],
    vars: { QKD_MTLS: "front" },
    secrets: ["QKD_BOOTSTRAP_SHA256"],
    authorities: ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"],
  });
  const sockets = config.split("\n").filter((line) => line.includes("address =") && line.includes("service ="));
  expect(sockets.map((line) => [line.includes("unix:"), line.includes("cfBlobHeader")])).toEqual([
    [true, true],
    [false, false],
  ]);
  expect(config).toContain('(name = "pages", disk = (path = "/a/pages", writable = false))');
  expect(config).toContain('(name = "ASSETS", service = "pages")');
  expect(config).toContain(String.raw`path = "/a \"b\"/state"`);
  expect(config).toContain(String.raw`"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"`);
  expect(config).toContain('network = (allow = ["public", "private"]');
  expect(config).toContain('(name = "kem.wasm", wasm = embed "kem.wasm")');
  expect(config).toContain('(name = "QKD_BOOTSTRAP_SHA256", fromEnvironment = "QKD_BOOTSTRAP_SHA256")');
  expect(config).toContain('(name = "epoch-keys", external = (address = "unix:/run/keys.sock", http = ()))');
  expect(config).toContain('(name = "EPOCH_KEYS", service = "epoch-keys")');
});

/** The load tool against the no-op server, both as the bench runs them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAuthority, issue } from "../scripts/demo/pki.ts";
import { startLoadTool, startNoop, type LoadTool, type Noop } from "./children.ts";
import type { Endpoint, LoadSpec } from "./load.ts";

let folder: string;
let noop: Noop;
let load: LoadTool;
let identity: Omit<Endpoint, "url">;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "qkd-load-"));
  const authority = await createAuthority("load test CA");
  const server = await issue(authority, {
    commonName: "tn-1",
    usage: "server",
    sans: [{ type: "ip", value: "127.0.0.1" }],
  });
  const client = await issue(authority, { commonName: "sae-a", usage: "client" });
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const ca = authority.certificate.toString("pem");
  const files = { cert: file("tn-1.crt", server.certificate), key: file("tn-1.key", server.key), ca: file("ca", ca) };
  identity = { cert: client.certificate, key: client.key, ca };
  noop = await startNoop({ ...files, keyCounts: [1, 100], sizeBits: 256 });
  load = startLoadTool();
});

afterAll(async () => {
  await load.stop();
  await noop.stop();
  rmSync(folder, { recursive: true, force: true });
});

const spec = (keysPerRequest: number, more: Partial<LoadSpec> = {}): LoadSpec => {
  const endpoint = { ...identity, url: `${noop.url}/${keysPerRequest}/api/v1/keys/sae-c` };
  const shape = { connections: 4, keysPerRequest, sizeBits: 256, warmUpMs: 100, measureMs: 200, keysAreUnique: false };
  return { master: endpoint, slave: endpoint, ...shape, ...more };
};

test.each([1, 100])("round trips of %i keys", async (keys) => {
  const result = await load.run(spec(keys));
  expect(result.problems).toEqual([]);
  expect(result.count).toBeGreaterThan(0);
  expect(result.keysPerS).toBeCloseTo(result.roundTripsPerS * keys, 6);
  expect(result.p99Ms).toBeGreaterThanOrEqual(result.p50Ms);
});

test("repeated keys, unequal ends and refusals do not go unnoticed", async () => {
  const repeated = await load.run(spec(1, { keysAreUnique: true }));
  expect(repeated.problems).toContain("a key ID was given out twice");
  expect(repeated.problems).toContain("a key was given out under two IDs");
  const other = { ...identity, url: `${noop.url}/100/api/v1/keys/sae-a` };
  expect((await load.run(spec(1, { slave: other }))).problems).toContain("the two ends got unequal keys");
  const none = { ...identity, url: `${noop.url}/7/api/v1/keys/sae-c` };
  expect((await load.run(spec(7, { master: none }))).problems[0]).toContain("enc_keys answered 404");
});

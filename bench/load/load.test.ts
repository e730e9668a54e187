/** The load tool against the no-op server, both as the bench runs them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAuthority, issue } from "../../pki/authority.ts";
import { startLoadTool, startNoop, type LoadTool, type Noop } from "../processes/children.ts";
import type { Endpoint } from "./connection.ts";
import type { FetchJob, RoundTripsJob, TakeJob } from "./jobs.ts";

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
  const files = {
    cert: file("tn-1.crt", server.certificate),
    key: file("tn-1.key", server.key),
    ca: file("ca.crt", ca),
  };
  identity = { cert: client.certificate, key: client.key, ca };
  noop = await startNoop({ ...files, keyCounts: [1, 2, 100], sizeBits: 256 });
  load = startLoadTool();
});

afterAll(async () => {
  await load.stop();
  await noop.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Where every answer is the same container of so many keys. */
const endpoint = (keys: number): Endpoint => ({ ...identity, url: `${noop.url}/${keys}/api/v1/keys/sae-c` });

const roundTrips = (keysPerRequest: number, more: Partial<RoundTripsJob> = {}): RoundTripsJob => ({
  job: "round-trips",
  master: endpoint(keysPerRequest),
  slave: endpoint(keysPerRequest),
  connections: 4,
  keysPerRequest,
  sizeBits: 256,
  length: { warmUpMs: 100, measureMs: 200 },
  keysAreUnique: false,
  ...more,
});
const take = (keysPerRequest: number, more: Partial<TakeJob> = {}): TakeJob => ({
  job: "take",
  name: `of ${keysPerRequest}`,
  master: endpoint(keysPerRequest),
  connections: 2,
  requests: 1,
  keysPerRequest,
  sizeBits: 256,
  ...more,
});
const fetch = (name: string, keys: number, slave: Endpoint): FetchJob => ({
  job: "fetch",
  name,
  slave,
  connections: 2,
  keys,
  // The no-op server knows no status request.
  isFirst: true,
});

describe("round trips", () => {
  test.each([1, 100])("of %i keys, for a time", async (keys) => {
    const result = await load.run(roundTrips(keys));
    expect(result.problems).toEqual([]);
    expect(result.count).toBeGreaterThan(0);
    expect(result.keysPerS).toBeCloseTo(result.perS * keys, 6);
    expect(result.p99Ms).toBeGreaterThanOrEqual(result.p50Ms);
  });

  test("a number of them", async () => {
    const result = await load.run(roundTrips(1, { length: { roundTrips: 50 } }));
    expect(result).toMatchObject({ problems: [], count: 50 });
  });

  test("repeated keys, unequal ends and refusals do not go unnoticed", async () => {
    const repeated = await load.run(roundTrips(1, { keysAreUnique: true }));
    expect(repeated.problems).toContain("a key ID was given out twice");
    expect(repeated.problems).toContain("a key was given out under two IDs");
    const unequal = await load.run(roundTrips(1, { slave: endpoint(100) }));
    expect(unequal.problems).toContain("the two ends got unequal keys");
    const refused = await load.run(roundTrips(7));
    expect(refused.problems[0]).toContain("enc_keys answered 404");
  });
});

describe("pending keys", () => {
  test("each is fetched once and compared with what was taken", async () => {
    expect(await load.run(take(2))).toMatchObject({ problems: [], count: 1, checkedKeys: 2 });
    // Two come back where one was asked for.
    expect((await load.run(fetch("of 2", 1, endpoint(2)))).problems).toEqual(["the two ends got unequal keys"]);
    // Another than was asked for.
    expect((await load.run(fetch("of 2", 1, endpoint(1)))).problems).toEqual(["the two ends got unequal keys"]);
    expect((await load.run(fetch("of 2", 1, endpoint(2)))).problems).toEqual(["no key is left to be fetched"]);
  });

  test("the same again is noticed when it is taken", async () => {
    const name = "again";
    expect((await load.run(take(100, { name }))).problems).toEqual([]);
    expect((await load.run(take(100, { name }))).problems).toContain("a key ID was given out twice");
  });
});

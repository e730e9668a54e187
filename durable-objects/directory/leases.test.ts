/** Leases of pools: what the Directory grants, what it takes for an old copy, and what it notices about itself. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { AuditRecord } from "../../shared/audit/event.ts";
import type { DirectoryRpc, Lease, LeaseAnswer } from "../../shared/network/directory-types.ts";
import { DEPLOYMENT_LOG } from "../../shared/network/reserved.ts";
import { twoNodes } from "../../test/support/network-document.ts";
import type { ObjectsEnv } from "../env.ts";
import type { Directory } from "./directory.ts";
import { judge } from "./leases.ts";

const { DIRECTORY, AUDIT_LOG } = env as unknown as ObjectsEnv;
let count = 0;
const newDirectory = () => DIRECTORY.getByName(`leasing-${(count += 1)}`);
const raw = (stub: DirectoryRpc) => stub as unknown as DurableObjectStub<Directory>;
const POOL = "n-1|n-2#0";

const leaseOf = (sequence: number, id: string): Lease => ({ sequence, id });
const ask = (granted: Lease | undefined, held: Lease | null, next = "new", voided = false) =>
  judge(granted, { pool: POOL, generation: 1, held, next, voided });
const grantedAs = (sequence: number, poolIsNewer = false) => ({
  outcome: "granted",
  lease: leaseOf(sequence, "new"),
  poolIsNewer,
});

describe("judging a pool by its lease", () => {
  it("grants the next one to a new pool, and to one that holds the last", () => {
    expect(ask(undefined, null)).toEqual(grantedAs(1));
    expect(ask(leaseOf(5, "a"), leaseOf(5, "a"))).toEqual(grantedAs(6));
  });

  it("answers a repeated question as before, whatever the pool had learned of the first answer", () => {
    expect(ask(leaseOf(6, "new"), leaseOf(5, "a"))).toEqual(grantedAs(6));
    expect(ask(leaseOf(1, "new"), null)).toEqual(grantedAs(1));
  });

  it("takes a pool that knows less for an old copy: an older lease, none, or one of another history", () => {
    expect(ask(leaseOf(6, "b"), leaseOf(5, "a"))).toEqual({ outcome: "rolled-back" });
    expect(ask(leaseOf(6, "b"), leaseOf(6, "c"))).toEqual({ outcome: "rolled-back" });
    expect(ask(leaseOf(6, "b"), null)).toEqual({ outcome: "rolled-back" });
    // Asked before with another id: that pool has begun to work since.
    expect(ask(leaseOf(7, "c"), leaseOf(5, "a"), "b")).toEqual({ outcome: "rolled-back" });
  });

  it("takes itself for an old copy where the pool knows more", () => {
    expect(ask(leaseOf(6, "b"), leaseOf(9, "e"))).toEqual(grantedAs(10, true));
    expect(ask(undefined, leaseOf(9, "e"))).toEqual(grantedAs(10, true));
  });

  it("grants to a pool that has voided everything, beyond whatever either has seen", () => {
    expect(ask(leaseOf(6, "b"), leaseOf(5, "a"), "new", true)).toEqual(grantedAs(7));
    expect(ask(leaseOf(6, "b"), leaseOf(9, "e"), "new", true)).toEqual(grantedAs(10));
    expect(ask(undefined, leaseOf(9, "e"), "new", true)).toEqual(grantedAs(10));
  });
});

const lease = async (directory: DirectoryRpc, held: Lease | null, next: string, generation = 1): Promise<LeaseAnswer> =>
  await directory.leasePool({ pool: POOL, generation, held, next });
const granted = (answer: LeaseAnswer): Lease => {
  if (answer.outcome !== "granted") throw new Error(answer.outcome);
  return answer.lease;
};
const sequenceOf = async (directory: DirectoryRpc): Promise<number> => (await directory.snapshot(-1)).sequence;
/** Alarms of this kind that have reached the deployment's log. */
const alarmsOf = async (directory: DirectoryRpc): Promise<readonly AuditRecord[]> => {
  // Its own alarm may be shipping just now: then this one finds nothing to do before that has ended.
  for (let pending = 1; pending > 0;) {
    await runDurableObjectAlarm(raw(directory));
    pending = await runInDurableObject(raw(directory), (_, { storage }) =>
      Number(storage.sql.exec("SELECT count(*) AS n FROM audit_outbox").one()["n"]),
    );
  }
  const { records } = await AUDIT_LOG.getByName(DEPLOYMENT_LOG).read({ after: 0, limit: 1000 });
  return records.filter(({ detail }) => detail["code"] === "directory-rolled-back");
};

describe("the Directory", () => {
  it("keeps what it granted over a restart, with the pool's generation and its first and last lease", async () => {
    const directory = newDirectory();
    const first = granted(await lease(directory, null, "a"));
    await evictDurableObject(raw(directory));
    expect(granted(await lease(directory, null, "a"))).toEqual(first);
    const second = granted(await lease(directory, first, "b", 2));
    expect(second).toEqual({ sequence: 2, id: "b" });
    expect(await lease(directory, first, "c")).toEqual({ outcome: "rolled-back" });
    const [row] = await runInDurableObject(raw(directory), (_, state) =>
      state.storage.sql.exec("SELECT * FROM pools").toArray(),
    );
    expect(row).toMatchObject({ name: POOL, sequence: 2, lease: "b", generation: 2 });
    expect(Number(row?.["last_ms"])).toBeGreaterThanOrEqual(Number(row?.["first_ms"]));
  });

  it("tells once a start that it is older than its pools, and skips sequences they may know", async () => {
    const directory = newDirectory();
    await directory.putNetwork({ document: twoNodes(), ifMatch: 0, by: "bootstrap" });
    const before = await sequenceOf(directory);
    const known = (await alarmsOf(directory)).length;
    expect(granted(await lease(directory, { sequence: 41, id: "x" }, "y"))).toEqual({ sequence: 42, id: "y" });
    await directory.leasePool({ pool: "n-1|n-1#0", generation: 1, held: { sequence: 3, id: "x" }, next: "z" });
    const alarms = await alarmsOf(directory);
    expect(alarms.slice(known).map(({ act, detail }) => [act, detail["newer_pool"]])).toEqual([["alarm.raised", POOL]]);
    expect(await sequenceOf(directory)).toBe(before + 2 ** 20);
  });

  it("tells when it wakes in another generation of the deployment; one without a network has lost nothing", async () => {
    const livedIn = async (directory: DirectoryRpc, generation: string) => {
      await directory.versions();
      await runInDurableObject(raw(directory), (_, state) => {
        state.storage.sql.exec("UPDATE directory SET generation = ?", generation);
      });
      await evictDurableObject(raw(directory));
    };
    const directory = newDirectory();
    await directory.putNetwork({ document: twoNodes(), ifMatch: 0, by: "bootstrap" });
    const before = await sequenceOf(directory);
    const known = (await alarmsOf(directory)).length;
    await livedIn(directory, "0");
    expect(await sequenceOf(directory)).toBe(before + 2 ** 20);
    await evictDurableObject(raw(directory));
    expect(await sequenceOf(directory)).toBe(before + 2 ** 20);
    const alarms = await alarmsOf(directory);
    expect(alarms.slice(known).map(({ detail }) => [detail["before"], detail["generation"]])).toEqual([["0", "1"]]);
  });
});

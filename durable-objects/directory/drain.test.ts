import { env } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import type { BlockId, NodeId, SaeId } from "../../shared/ids.ts";
import type { Snapshot } from "../../shared/network/directory-types.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { saeAt, twoNodes } from "../../test/support/network-document.ts";
import { DIRECTORY_NAME, type ObjectsEnv } from "../env.ts";

// The Directory that pools ask: in a file of its own, since storage is shared within a file.
const objects = env as unknown as ObjectsEnv;
const directory = () => objects.DIRECTORY.getByName(DIRECTORY_NAME);
const network = twoNodes;

const put = async (document: NetworkDocumentInput, ifMatch: number) =>
  await directory().putNetwork({ document, ifMatch, by: "operator:op" });
async function snapshot(): Promise<Snapshot> {
  const answer = await directory().snapshot(-1);
  if ("unchanged" in answer) throw new Error("a snapshot was asked for");
  return answer;
}

const [a, b] = ["a" as SaeId, "b" as SaeId];
const node = "tn-1" as NodeId;
const pool = () => objects.KEY_POOL.getByName("tn-1|tn-1#0");
const enc = async () =>
  await pool().encKeys({
    configVersion: (await snapshot()).sequence,
    principal: "sae:a",
    master: a,
    masterNode: node,
    recipients: [{ sae: b, node }],
    count: 3,
    sizeBits: 256,
  });

it("tells how many keys would be voided, voids them when the drain ends, and writes it down", async () => {
  await put(network(), 0);
  expect((await enc()).ok).toBe(true);
  const without = network({ saes: [saeAt("a", "tn-1")] });
  expect(await directory().diff(without)).toEqual({
    ok: true,
    value: {
      changes: [{ pointer: "/saes/1", kind: "removed", id: "b" }],
      pendingKeys: [{ kind: "sae", id: "b", keys: 3 }],
      unusedMaterial: [],
      drainSeconds: 0,
      complete: true,
    },
  });
  expect((await put(without, 1)).ok).toBe(true);
  expect((await snapshot()).drains).toMatchObject([
    { kind: "sae", sae: { id: "b" }, pairs: ["tn-1|tn-1", "tn-1|tn-2"] },
  ]);
  await vi.waitFor(async () => expect((await snapshot()).drains).toEqual([]), {
    timeout: 10_000,
    interval: 100,
  });
  expect(await pool().countPending({ sae: b, after: 0 })).toMatchObject({ ok: true, value: { keys: 0 } });
  const { records } = await vi.waitFor(
    async () => {
      const read = await objects.AUDIT_LOG.getByName("deployment").read({ after: 0, limit: 1000 });
      expect(read.records.some(({ act }) => act === "keys.void")).toBe(true);
      return read;
    },
    { timeout: 10_000, interval: 100 },
  );
  const voided = records.find(({ act, source }) => act === "keys.void" && source === "directory");
  expect(voided?.detail).toEqual({ reason: "sae-drained", sae: "b", node: "tn-1", keys: 3 });
  expect(records.filter(({ act, source }) => act === "network.put" && source === "directory").length).toBe(2);
}, 30_000);

it("tells how much unused material would go with a link", async () => {
  const { sequence, document } = await snapshot();
  const block = { block: "b:0" as BlockId, node, bytes: crypto.getRandomValues(new Uint8Array(4096)) };
  const pushed = await objects.KEY_POOL.getByName("tn-1|tn-2#0").ingest({
    configVersion: sequence,
    principal: "operator:op",
    ...block,
  });
  expect(pushed).toMatchObject({ ok: true, value: { outcome: "ingested" } });
  expect(await directory().diff({ ...document, links: [] })).toMatchObject({
    ok: true,
    value: { unusedMaterial: [{ link: "l-12", availableBits: 32_768 }], complete: true },
  });
});

/**
 * The audit logs of a running network: nothing that was acknowledged is missing after `kill -9`, and what is changed
 * behind their back, in the storage or in an export, is found by the documented commands.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { changeNetwork, qkd as qkdAt } from "../support/operator.ts";
import { newStateFolder, type RunningNetwork, runNetwork } from "../support/run-network.ts";

const WRITERS = 8;
const BEFORE_KILL = 60;
const state = newStateFolder();
let network: RunningNetwork;

const start = async (prefill: string): Promise<void> => {
  network = await runNetwork({ state, args: ["--prefill", prefill] });
};
beforeAll(async () => await start("4"));
afterAll(async () => {
  await network.stop({ keep: false });
  rmSync(state, { recursive: true, force: true });
});

const qkd = async (...argv: readonly string[]) => await qkdAt(network, ...argv);

interface Told {
  readonly act: string;
  readonly detail: { readonly first_key_id?: string; readonly keys?: number; readonly [member: string]: unknown };
}
const recordsOf = async (node: string): Promise<Told[]> => {
  const { out } = await qkd("audit", "tail", "--node", node, "--last", "1000", "--json");
  return out.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Told]));
};

/** `act` of each acknowledged request, by its first key ID, and how many keys it had. */
type Acknowledged = Map<string, number>;

/** Takes keys as sae-a and fetches them as sae-c, until the engine is gone. */
async function write(acknowledged: Acknowledged, turn: number): Promise<void> {
  for (;;) {
    try {
      const number = 1 + (turn % 3);
      const enc = await network.fetch(`/api/v1/keys/sae-c/enc_keys?number=${number}&size=256`, "sae-a");
      if (enc.status !== 200) return;
      const { keys } = (await enc.json()) as { keys: { key_ID: string }[] };
      acknowledged.set(`keys.enc ${keys[0]?.key_ID}`, keys.length);
      const body = JSON.stringify({ key_IDs: keys.map(({ key_ID }) => ({ key_ID })) });
      const dec = await network.fetch("/api/v1/keys/sae-a/dec_keys", "sae-c", { method: "POST", body });
      if (dec.status !== 200) return;
      await dec.arrayBuffer();
      acknowledged.set(`keys.dec ${keys[0]?.key_ID}`, keys.length);
    } catch {
      return; // the connection went with the engine
    }
  }
}

test("kill -9 while keys are fetched: every answer that came is in the log", async () => {
  const acknowledged: Acknowledged = new Map();
  const ended = new Promise((resolve) => network.process.once("close", resolve));
  const writers = Array.from({ length: WRITERS }, (_, turn) => write(acknowledged, turn));
  await expect.poll(() => acknowledged.size, { interval: 5 }).toBeGreaterThan(BEFORE_KILL);
  process.kill(network.pids.engine, "SIGKILL");
  await Promise.all([...writers, ended]);
  await start("0");
  const missing = async () => {
    const told = [...(await recordsOf("tn-1")), ...(await recordsOf("tn-2"))].map(
      ({ act, detail }) => `${act} ${detail.first_key_id} ${detail.keys}`,
    );
    return [...acknowledged].filter(([what, keys]) => !told.includes(`${what} ${keys}`));
  };
  await expect.poll(missing).toEqual([]);
  const { code, out } = await qkd("audit", "verify", "--strict");
  expect([code, out]).toEqual([0, expect.stringContaining("deployment: ")]);
  expect(out.match(/hold together/g)).toHaveLength(6);
});

describe("an export", () => {
  test("is signed to its end, and not a byte of it can be changed", async () => {
    const exported = await qkd("audit", "export", "--node", "tn-1", "--out", "tn-1.jsonl");
    expect([exported.code, exported.err]).toEqual([0, ""]);
    const whole = await qkd("audit", "verify", "--file", "tn-1.jsonl", "--json");
    const verdict = JSON.parse(whole.out) as Record<string, unknown>;
    expect(verdict).toMatchObject({ ok: true, signed: true });
    expect(verdict["signed_index"]).toBe(verdict["last_index"]);
    const text = readFileSync(join(state, "tn-1.jsonl"), "utf8");
    writeFileSync(join(state, "changed.jsonl"), text.replace('"who":"sae:sae-a"', '"who":"sae:sae-b"'));
    const changed = await qkd("audit", "verify", "--file", "changed.jsonl");
    expect([changed.code, changed.out]).toEqual([3, expect.stringContaining("NOT as it was")]);
  });
});

const toldByDeployment = async () => (await recordsOf("deployment")).map(({ act, detail }) => ({ act, ...detail }));

test("refused callers and changed credentials are told, in the deployment's log", async () => {
  expect((await network.fetch("/api/v1/audit", "sae-a")).status).toBe(403);
  expect((await network.fetch("/api/v1/audit", "nobody")).status).toBe(401);
  await changeNetwork(network, (document) => ({
    ...document,
    saes: document.saes.map((sae) => (sae.id === "sae-a2" ? { ...sae, credentials: [] } : sae)),
  }));
  const told = toldByDeployment;
  await expect
    .poll(told)
    .toContainEqual(expect.objectContaining({ act: "credential.remove", principal: "sae:sae-a2" }));
  const all = await told();
  expect(all).toContainEqual(expect.objectContaining({ act: "network.put", what: "~saes/sae-a2" }));
  for (const code of ["forbidden", "unauthorised"]) {
    expect(all).toContainEqual(expect.objectContaining({ act: "access.refused", operation: "getAudit", code }));
  }
});

/** The objects' databases: those of audit logs are told by their tables. */
function auditDatabases(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".sqlite"))
    .map((name) => join(folder, name))
    .filter((file) => {
      const db = new DatabaseSync(file, { readOnly: true });
      try {
        return db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'checkpoint'").get() !== undefined;
      } finally {
        db.close();
      }
    });
}

/** Does this to every audit log's database, the engine being down. @returns rows changed */
function behindTheirBack(sql: string): number {
  return auditDatabases(join(state, "state")).reduce((total, file) => {
    const db = new DatabaseSync(file);
    const { changes } = db.prepare(sql).run();
    db.close();
    return total + Number(changes);
  }, 0);
}

describe("in the storage itself", () => {
  beforeAll(async () => {
    expect((await qkd("audit", "verify", "--pin", "pins.json")).code).toBe(0);
    await network.stop({ keep: true });
    const where = 'texts LIKE \'%"act":"keys.enc"%\' AND texts LIKE \'%"who":"sae:sae-a"%\'';
    const changed = `UPDATE runs SET texts = replace(texts, '"who":"sae:sae-a"', '"who":"sae:sae-x"') WHERE ${where}`;
    expect(behindTheirBack(changed)).toBeGreaterThan(0);
    // All that whoever cuts the deployment's log to its first rows would have to remove.
    for (const table of ["runs WHERE last_index > 3", "records WHERE idx > 3", "checkpoint WHERE idx > 3"]) {
      const log = "(SELECT value FROM setting WHERE name = 'name') = 'deployment'";
      behindTheirBack(`DELETE FROM ${table} AND ${log}`);
    }
    await start("0");
  });

  test("a changed record is found", async () => {
    const { code, out } = await qkd("audit", "verify", "--node", "tn-1");
    expect([code, out]).toEqual([3, expect.stringMatching(/^tn-1: NOT as it was, at record \d+ \(changed\)/)]);
  });

  test("and a log that was cut: by numbers of events that are left out, or by who has seen more of it", async () => {
    const { code, out } = await qkd("audit", "verify", "--node", "deployment", "--pin", "pins.json");
    expect([code, out]).toEqual([3, expect.stringMatching(/\((gap|truncated|other-history)\)/)]);
  });
});

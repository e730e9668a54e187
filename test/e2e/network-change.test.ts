/** The network document changed while it serves: as a whole or not at all, and with keys drained before they are voided. */
import { writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { issue, loadAuthority } from "../../pki/authority.ts";
import type { NetworkDocument } from "../../shared/network/document.ts";
import { changeNetwork, eventually, linkState, putNetwork, qkd, readNetwork } from "../support/operator.ts";
import { runNetwork, type RunningNetwork } from "../support/run-network.ts";

/** Long enough for the requests of a test, short enough to wait for. */
const DRAIN_S = 4;
/** Copies of the network live up to a second. */
const IN_FORCE_MS = 2000;

let network: RunningNetwork;

beforeAll(async () => {
  // Of links and their keys alone: nothing comes round by other nodes.
  const policy = { drain_s: DRAIN_S, relay: { enabled: false } };
  network = await runNetwork({ network: (demo) => ({ ...demo, policy: { ...demo.policy, ...policy } }) });
});
afterAll(() => network.stop());

const enc = (slave: string, number = 1) =>
  network.request("tn-1", "sae-a", `/api/v1/keys/${slave}/enc_keys?number=${number}`);
const dec = (node: string, sae: string, keyId: string) =>
  network.request(node, sae, `/api/v1/keys/sae-a/dec_keys?key_ID=${keyId}`);
/** Asks without taking a key. */
const peek = (slave: string) => network.request("tn-1", "sae-a", `/api/v1/keys/${slave}/status`);
const status = async (call: ReturnType<typeof enc>): Promise<number> => (await call).status;

/** Key IDs of new keys for a slave. */
async function newKeys(slave: string, number: number): Promise<[string, ...string[]]> {
  const answer = await enc(slave, number);
  expect(answer.status).toBe(200);
  const { keys } = JSON.parse(answer.body) as { keys: { key_ID: string }[] };
  return keys.map(({ key_ID }) => key_ID) as [string, ...string[]];
}

const moveSae = (document: NetworkDocument, id: string, node: string): NetworkDocument => ({
  ...document,
  saes: document.saes.map((sae) => (sae.id === id ? { ...sae, node } : sae)),
});
const removeSae = (document: NetworkDocument, id: string): NetworkDocument => ({
  ...document,
  saes: document.saes.filter((sae) => sae.id !== id),
});

describe("a PUT", () => {
  test("with faults changes nothing and names them all", async () => {
    const before = await readNetwork(network);
    const { document } = before;
    const bad = {
      ...document,
      nodes: [...document.nodes, { id: "tn-1" }],
      links: document.links.map((link, index) => (index === 1 ? { ...link, nodes: ["tn-2", "tn-77"] } : link)),
      saes: document.saes.map((sae, index) => (index === 0 ? { ...sae, colour: "red" } : sae)),
      policy: { ...document.policy, key_size_bits: { min: 64, default: 250, max: 4096 } },
    };
    const answer = await putNetwork(network, bad, before.version);
    expect(answer.status).toBe(400);
    const { details } = (await answer.json()) as { details: { pointer: string; message: string }[] };
    const pointers = details.map(({ pointer }) => pointer);
    for (const pointer of ["/nodes/5/id", "/links/1/nodes/1", "/saes/0/colour"]) expect(pointers).toContain(pointer);
    expect(pointers.some((pointer) => pointer.startsWith("/policy/key_size_bits"))).toBe(true);
    for (const { message } of details) expect(message.length).toBeGreaterThan(5);
    expect(await readNetwork(network)).toEqual(before);
  });

  test("of what is not JSON, or of another shape altogether, is a 400 too", async () => {
    const { version } = await readNetwork(network);
    for (const body of ["", "{", "[]", "null", '"x"']) {
      const answer = await network.fetch("/api/v1/network", "operator", {
        method: "PUT",
        headers: { "if-match": `"${version}"` },
        body,
      });
      expect([body, answer.status]).toEqual([body, 400]);
    }
    expect((await readNetwork(network)).version).toBe(version);
  });

  test("needs the version it replaces", async () => {
    const { version, document } = await readNetwork(network);
    expect((await putNetwork(network, document, null)).status).toBe(428);
    expect((await putNetwork(network, document, version + 1)).status).toBe(412);
    const answer = await putNetwork(network, { ...document, name: "renamed" }, version);
    expect([answer.status, answer.headers.get("etag")]).toEqual([200, `"${version + 1}"`]);
    expect((await putNetwork(network, document, version)).status).toBe(412);
    expect((await readNetwork(network)).document.name).toBe("renamed");
  });

  test("is for operators", async () => {
    const init = { method: "PUT", headers: { "if-match": '"1"' }, body: "{}" };
    expect((await network.fetch("/api/v1/network", "sae-a", init)).status).toBe(403);
    expect((await network.fetch("/api/v1/network", "nobody", init)).status).toBe(401);
  });

  test("of two at once, one gets through", async () => {
    const { version, document } = await readNetwork(network);
    const answers = await Promise.all(
      ["one", "two"].map((name) => putNetwork(network, { ...document, name }, version)),
    );
    expect(answers.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([200, 412]);
  });
});

describe("a change", () => {
  test("is in force without a restart, and a roll-back takes it back", async () => {
    const { version, document } = await readNetwork(network);
    const authority = await loadAuthority(
      await readFile(join(network.state, "certs", "ca.crt"), "utf8"),
      await readFile(join(network.state, "certs", "ca.key"), "utf8"),
    );
    const guest = await issue(authority, { commonName: "guest", usage: "client" });
    const identity = { cert: guest.certificate, key: guest.key };
    const asGuest = () => network.request("tn-1", "sae-a", "/api/v1/keys/sae-c/status", identity);
    expect((await asGuest()).status).toBe(401);

    const credentials = [{ type: "certificate", match: "cn", value: "guest" }];
    writeFileSync(
      join(network.state, "with-guest.json"),
      JSON.stringify({ ...document, saes: [...document.saes, { id: "sae-guest", node: "tn-1", credentials }] }),
    );
    const applied = await qkd(network, "network", "apply", join(network.state, "with-guest.json"));
    expect(applied).toMatchObject({
      code: 0,
      err: "",
      out: expect.stringContaining(`+ added /saes/${document.saes.length} (sae-guest)`),
    });
    await eventually(
      () => status(asGuest()),
      (code) => code === 200,
      IN_FORCE_MS,
    );

    const rolledBack = await qkd(network, "network", "rollback", String(version));
    expect([rolledBack.err, rolledBack.out.trim()]).toEqual([
      "",
      `version ${version} restored as version ${version + 2}`,
    ]);
    expect((await readNetwork(network)).document).toEqual(document);
    const versions = await qkd(network, "network", "versions", "--json");
    const { versions: kept } = JSON.parse(versions.out) as { versions: { version: number }[] };
    expect(kept.map((entry) => entry.version)).toContain(version + 2);
    await eventually(
      () => status(asGuest()),
      (code) => code === 401,
      DRAIN_S * 1000 + IN_FORCE_MS,
    );
  });

  test("a version that is not kept cannot be restored", async () => {
    const result = await qkd(network, "network", "rollback", "4711");
    expect([result.code, result.err]).toEqual([1, expect.stringContaining("4711")]);
  });
});

describe("an SAE", () => {
  test("that is removed: the diff tells how many keys, they can be fetched while it drains, then they are void", async () => {
    const { document } = await readNetwork(network);
    const keys = await newKeys("sae-c2", 3);
    const before = (await linkState(network, "tn-1-tn-2")).ledger_bits;
    writeFileSync(join(network.state, "without.json"), JSON.stringify(removeSae(document, "sae-c2")));
    const diff = await qkd(network, "network", "diff", join(network.state, "without.json"));
    expect(diff).toMatchObject({ code: 0, err: "" });
    expect(diff.out).toContain("- removed /saes/3 (sae-c2)");
    expect(diff.out).toContain(`3 keys of sae sae-c2 would be voided after ${DRAIN_S} s`);
    expect(await status(peek("sae-c"))).toBe(200);

    await qkd(network, "network", "apply", join(network.state, "without.json"));
    await eventually(
      () => status(peek("sae-c2")),
      (code) => code === 400,
      IN_FORCE_MS,
    );
    expect(await status(dec("tn-2", "sae-c2", keys[0]))).toBe(200);
    const after = await eventually(
      () => linkState(network, "tn-1-tn-2"),
      ({ ledger_bits }) => (ledger_bits["voided"] ?? 0) > (before["voided"] ?? 0),
      DRAIN_S * 1000 + 5000,
    );
    expect(after.conserved).toBe(true);
    // The two keys nobody fetched, of 256 bits each.
    expect((after.ledger_bits["voided"] ?? 0) - (before["voided"] ?? 0)).toBe(2 * 256);
    expect(await status(dec("tn-2", "sae-c2", keys[1] ?? ""))).toBe(401);
    // Events reach the log a little later.
    await eventually(
      async () => (await network.fetch("/api/v1/audit?node=tn-1&limit=1000", "operator")).text(),
      (log) => log.includes('"keys.void"'),
      10_000,
    );
    const audit = await qkd(network, "audit", "--node", "tn-1", "--last", "1000");
    expect(audit.out).toMatch(/keys\.void .*keys=2 /);
  });

  test("that is moved fetches pending keys where it was, and gets new ones where it is", async () => {
    const [first, second = ""] = await newKeys("sae-c", 2);
    await changeNetwork(network, (document) => moveSae(document, "sae-c", "tn-3"));
    // tn-1 and tn-3 share no link.
    await eventually(
      () => status(peek("sae-c")),
      (code) => code === 400,
      IN_FORCE_MS,
    );
    expect(await status(dec("tn-2", "sae-c", first))).toBe(200);
    const atNewPlace = () => network.request("tn-3", "sae-c", "/api/v1/keys/sae-b/enc_keys");
    await eventually(
      () => status(atNewPlace()),
      (code) => code === 200,
      IN_FORCE_MS,
    );
    await sleep(DRAIN_S * 1000 + IN_FORCE_MS);
    expect(await status(dec("tn-2", "sae-c", second))).toBe(401);
    await changeNetwork(network, (document) => moveSae(document, "sae-c", "tn-2"));
    await eventually(
      () => status(peek("sae-c")),
      (code) => code === 200,
      IN_FORCE_MS,
    );
  });
});

describe("a link", () => {
  test("that is removed gives no new keys, and its material is void after the drain", async () => {
    const keys = await newKeys("sae-c", 2);
    const { version, document } = await readNetwork(network);
    const file = join(network.state, "without-link.json");
    writeFileSync(file, JSON.stringify({ ...document, links: document.links.filter(({ id }) => id !== "tn-1-tn-2") }));
    const applied = await qkd(network, "network", "apply", file);
    expect(applied).toMatchObject({ code: 0, err: "" });
    expect(applied.out).toMatch(
      / {2}[0-9,]{9,} bits of unused key material of link tn-1-tn-2 would be lost after 4 s\n/,
    );
    await eventually(
      () => status(peek("sae-c")),
      (code) => code === 400,
      IN_FORCE_MS,
    );
    expect(await status(dec("tn-2", "sae-c", keys[0]))).toBe(200);
    await sleep(DRAIN_S * 1000 + IN_FORCE_MS);

    // It comes back: with fresh material only, and the old key stays void.
    await qkd(network, "network", "rollback", String(version));
    await eventually(
      () => status(peek("sae-c")),
      (code) => code === 200,
      15_000,
    );
    expect(await status(dec("tn-2", "sae-c", keys[1] ?? ""))).toBe(400);
    const state = await linkState(network, "tn-1-tn-2");
    expect(state).toMatchObject({ conserved: true, state: "active" });
    // The prefilled MB of material, with what the source made since.
    expect(state.ledger_bits["voided"]).toBeGreaterThan(7 * 1024 * 1024);
  });
});

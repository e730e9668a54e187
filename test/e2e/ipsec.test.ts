/**
 * The whole of it: a controller posts policies and SAs without keys to the ports of two site agents, and two real NETCONF
 * servers have them with keys; then whatever can end ends in between.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deletionOf, saName, sasOf, type Tunnel } from "../../examples/ipsec/controller.ts";
import type { Installed } from "../../examples/ipsec/installed.ts";
import { A, B, IpsecChain, namesOf, NODES, statesOf, tunnel } from "../support/ipsec-chain.ts";
import { KeyScan } from "../support/key-scan.ts";
import { netconfdMissing } from "../support/netconf.ts";
import { eventually } from "../support/operator.ts";

const missing = netconfdMissing();

const PATIENCE_MS = 60_000;
/** Keys that are looked for in every file: each takes its time. */
const SCANNED = 12;
const INSTALLED = ["installed", "installed", "installed", "installed"];

/** Of one direction: all SAs between the demo's two prefixes are of one tunnel. */
const countOf = (sas: Installed["sas"], way: string): number =>
  [...sas.keys()].filter((name) => name.startsWith(way)).length;

/** So many at once that something is always under way. */
const batch = (spi: number): readonly Tunnel[] => Array.from({ length: 20 }, (_, at) => tunnel(spi + 2 * at));

const WHAT = "a controller, two proxy agents, two IPsec hosts";
describe.skipIf(missing !== null)(missing === null ? WHAT : `${WHAT} (skipped: ${missing})`, () => {
  let chain: IpsecChain;
  const keys: Buffer[] = [];
  let printed = "";
  beforeAll(async () => {
    chain = await IpsecChain.start();
  });
  afterAll(async () => await chain.stop());

  /** Lengths of the keys of SAs that both hosts have, and have the same. */
  function lengthsOf(read: { readonly a: Installed; readonly b: Installed }, names: readonly string[]) {
    return names.map((name) => {
      const [here, there] = [read.a.sas.get(name), read.b.sas.get(name)];
      if (here === undefined || there === undefined) return `${name}: at one end only`;
      const [enc, int] = [here.encryption, here.integrity];
      const isSame =
        enc?.equals(there.encryption ?? Buffer.alloc(0)) === true && (int === null) === (there.integrity === null);
      const isSound = isSame && (int === null || (there.integrity?.equals(int) === true && !int.equals(enc)));
      for (const key of [enc, int]) if (key !== null && !keys.some((each) => each.equals(key))) keys.push(key);
      return isSound ? [enc.length, int?.length ?? 0] : `${name}: unequal`;
    });
  }

  test("keys of the right lengths, the same at both ends, and no octet of one in another", async () => {
    const [gcm, cbc] = [tunnel(1000), tunnel(1100, "aes-cbc-256-hmac-sha2-256")];
    const { a, b } = await chain.post(gcm, cbc);
    // The second tunnel's policies have the names of the first one's.
    expect([a, b].map((answer) => statesOf(answer).slice(0, 4))).toEqual([INSTALLED, INSTALLED]);
    expect([a, b].map((answer) => statesOf(answer).slice(6))).toEqual([INSTALLED.slice(2), INSTALLED.slice(2)]);
    expect(a.entries[2]).toMatchObject({ sources: ["ML-KEM-512", "QKD"] });
    const read = await chain.read();
    expect([read.a.policies.length, read.b.policies.length]).toEqual([2, 2]);
    expect(lengthsOf(read, [...namesOf(gcm), ...namesOf(cbc)])).toEqual([
      [36, 0],
      [36, 0],
      [32, 32],
      [32, 32],
    ]);
    expect(keys).toHaveLength(6);
    expect(keys.every((key) => key.some((octet) => octet !== 0))).toBe(true);
  });

  test("the same posted again changes nothing", async () => {
    const before = await chain.read();
    const { a, b } = await chain.post(tunnel(1000));
    for (const { entries } of [a, b]) expect(entries.every(({ unchanged }) => unchanged === true)).toBe(true);
    expect((await chain.read()).a.sas).toEqual(before.a.sas);
  });

  test("of half a batch each fault is named, and the rest is installed", async () => {
    const good = tunnel(1200);
    const [sa] = sasOf(tunnel(1300)) as unknown as [
      { "sad-entry": { name: string; "ipsec-sa-config": Record<string, unknown> } },
    ];
    const { spi: _, ...withoutSpi } = sa["sad-entry"]["ipsec-sa-config"];
    const bad = [
      { "sad-entry": { ...sa["sad-entry"], name: "without", "ipsec-sa-config": withoutSpi } },
      { "sad-entry": { ...sa["sad-entry"], name: "colour", colour: "red" } },
      ...sasOf({ ...tunnel(1400), a: "10.9.9.9/32" }).slice(0, 1),
    ];
    const { a, b } = await chain.sendBoth("POST", () => [...bad, ...sasOf(good)]);
    for (const answer of [a, b]) {
      expect(statesOf(answer)).toEqual([
        "failed: bad-entry",
        "failed: bad-entry",
        "failed: unknown-prefix",
        "installed",
        "installed",
      ]);
      expect(answer.entries[0]?.message).toContain("spi");
    }
    expect(lengthsOf(await chain.read(), namesOf(good))).toEqual([
      [36, 0],
      [36, 0],
    ]);
  });

  test("made anew: at every moment both hosts share an SA each way, and none is sent by that is not understood", async () => {
    const old = tunnel(1500);
    await chain.post(old);
    const olds = namesOf(old);
    const others = new Set([...(await chain.read()).a.sas.keys()].filter((name) => !olds.includes(name)));
    const begun = await chain.network.fetch(`/api/v1/nodes/${NODES.a}/ipsec/rekey`, "operator", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: olds[0] }),
    });
    expect(begun.status).toBe(202);
    const ways = [saName(A, B, 0), saName(B, A, 0)].map((name) => name.slice(0, -1));
    const before = (await chain.read()).a;
    const isMadeAnew = async (): Promise<boolean> => {
      // Who sends is read before who understands it, and what was there before is understood now, or gone at both.
      const [a1, b, a2] = [await chain.readers.a.read(), await chain.readers.b.read(), await chain.readers.a.read()];
      for (const [sender, receiver, way] of [
        [a1, b, ways[0]],
        [b, a2, ways[1]],
      ] as const) {
        const sent = [...sender.sas.values()].filter(({ name }) => name.startsWith(way ?? ""));
        const shared = sent.filter(({ name, encryption }) => {
          const there = receiver.sas.get(name);
          return there !== undefined && encryption !== null && there.encryption?.equals(encryption) === true;
        });
        expect(shared.length).toBeGreaterThan(0);
        const isNew = ({ name }: { readonly name: string }) => !olds.includes(name) && !others.has(name);
        expect(sent.filter(isNew).every((sa) => shared.includes(sa))).toBe(true);
      }
      const left = [a2, b].some(({ sas }) => olds.some((name) => sas.has(name)));
      return !left && ways.every((way) => countOf(a2.sas, way) === countOf(before.sas, way));
    };
    await eventually(isMadeAnew, (isDone) => isDone, PATIENCE_MS);
    const after = await chain.read();
    const news = [...after.a.sas.keys()].filter((name) => !others.has(name));
    expect(await chain.settled(news)).toEqual(news);
    expect(lengthsOf(after, news).every((length) => Array.isArray(length))).toBe(true);
  });

  test("deleted, by name and reqid alone; once more does no harm", async () => {
    const gone = tunnel(1600);
    await chain.post(gone);
    for (let round = 0; round < 2; round++) {
      const { a, b } = await chain.sendBoth("DELETE", () => deletionOf(sasOf(gone)));
      expect([statesOf(a), statesOf(b)]).toEqual([
        ["deleted", "deleted"],
        ["deleted", "deleted"],
      ]);
    }
    expect(await chain.settled(namesOf(gone))).toEqual([]);
  });

  test("one host is down: the other's SAs are taken back, and both ends say why; then it is up again", async () => {
    const late = tunnel(1700);
    await chain.hosts.b.kill();
    const { a, b } = await chain.sendBoth("POST", () => sasOf(late));
    expect(statesOf(b)).toEqual(["failed: host-unreachable", "failed: host-unreachable"]);
    expect(statesOf(a)).toEqual(["failed: peer-failed", "failed: peer-failed"]);
    await chain.hosts.b.up();
    expect(await chain.settled(namesOf(late))).toEqual([]);
    const again = await chain.sendBoth("POST", () => sasOf(late));
    expect(statesOf(again.b)).toEqual(["installed", "installed"]);
    expect(lengthsOf(await chain.read(), namesOf(late))).toEqual([
      [36, 0],
      [36, 0],
    ]);
  });

  /** Posts them, and has something end as soon as one of the hosts has the first of them. @returns what is left of them */
  async function interrupted(tunnels: readonly Tunnel[], end: () => Promise<unknown>): Promise<void> {
    const names = tunnels.flatMap(namesOf);
    const posted = chain.sendBoth("POST", () => tunnels.flatMap(sasOf)).catch(() => null);
    const begun = async () => Object.values(await chain.read()).some(({ sas }) => names.some((name) => sas.has(name)));
    await eventually(begun, (isBegun) => isBegun, PATIENCE_MS);
    await end();
    await posted;
  }

  const MIDDLE: readonly (readonly [what: string, end: () => Promise<void>])[] = [
    ["an agent", async () => await chain.killAgent("b")],
    ["the engine", async () => void (printed += await chain.killEngine())],
  ];
  test.each(MIDDLE)(
    "%s is killed in the middle of a batch: an SA is at both hosts with one key, or at none",
    async (what, end) => {
      const tunnels = batch(what === "an agent" ? 2000 : 2100);
      await interrupted(tunnels, end);
      const kept = await chain.settled(tunnels.flatMap(namesOf));
      expect(lengthsOf(await chain.read(), kept)).toEqual(kept.map(() => [36, 0]));
    },
  );

  test("a host is killed in the middle of a batch, and back: what the other one keeps is what counts as installed", async () => {
    const tunnels = batch(2200);
    await interrupted(tunnels, async () => {
      await chain.hosts.b.kill();
      await chain.hosts.b.up();
    });
    // Which has lost what it had installed before.
    const kept = await chain.settled(tunnels.flatMap(namesOf), ["a"]);
    const read = await chain.read();
    const shared = kept.filter((name) => read.b.sas.has(name));
    expect(lengthsOf(read, shared)).toEqual(shared.map(() => [36, 0]));
  });

  test("no key is in what was printed, in a log, or in a file of the state", async () => {
    await chain.network.stop({ keep: true });
    const scan = new KeyScan();
    for (const key of keys) scan.add(key);
    const files = readdirSync(chain.network.state, { recursive: true, withFileTypes: true }).filter((each) =>
      each.isFile(),
    );
    const logs = files
      .filter(({ name }) => name.endsWith(".log"))
      .map((each) => readFileSync(join(each.parentPath, each.name), "utf8"));
    expect(logs.join("").length).toBeGreaterThan(1000);
    // As RFC 9061's templates have keys, too.
    for (const text of [printed, chain.network.output(), ...logs].flatMap((each) => [each, each.replaceAll(":", "")]))
      expect(scan.find(text)).toBeNull();
    const forms = keys
      .slice(0, SCANNED)
      .map((key) => key.subarray(0, 16))
      .flatMap((key) => {
        const hex = key.toString("hex");
        return [
          key,
          Buffer.from(hex),
          Buffer.from(hex.replaceAll(/..(?=.)/g, "$&:")),
          Buffer.from(key.toString("base64").slice(0, 20)),
        ];
      });
    for (const { parentPath, name } of files) {
      const bytes = readFileSync(join(parentPath, name));
      expect(
        forms.some((form) => bytes.includes(form)),
        name,
      ).toBe(false);
    }
  });
});

test("the example says in a line what it misses", () => {
  const example = join(import.meta.dirname, "../../examples/ipsec/run.ts");
  const { status, stdout, stderr } = spawnSync(process.execPath, [example, "--modules", "/nowhere"], {
    encoding: "utf8",
  });
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(
    /^examples\/ipsec: the modules of RFC 9061 are not in \/nowhere \(examples\/ipsec\/README\.md\)\n$/,
  );
});

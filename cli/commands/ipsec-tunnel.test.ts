/** `qkd ipsec tunnel` against a stand-in for the edge. */
import { beforeEach, expect, test } from "vitest";
import { checkSadEntry, checkSpdEntry } from "../../shared/ipsec/entry.ts";
import { dialectOf } from "../../shared/ipsec/view.ts";
import {
  A,
  B,
  batchOf as batch,
  entryOf as entry,
  ipsecPathOf as path,
  ipsecStatus as status,
  KEYED,
  POLICY,
  SA,
  useIpsecEdge,
} from "../../test/support/cli-ipsec.ts";

const { seen, says, networkOf, qkd } = useIpsecEdge();

type Sent = Record<"spd-entry" | "sad-entry", Record<string, unknown> & { "ipsec-sa-config": { spi: number } }>;

/** What a node was sent, by kind; checked as the edge does. */
function postedTo(node: string, dialect = dialectOf({ registry: "iana", compat: "none" })) {
  const call = seen.find(({ method, url }) => method === "POST" && url === path(node));
  const entries = JSON.parse(call?.body.toString() ?? "[]") as Partial<Sent>[];
  const spd = entries.flatMap((each) => each["spd-entry"] ?? []);
  const sad = entries.flatMap((each) => each["sad-entry"] ?? []);
  for (const each of spd) expect(checkSpdEntry(each, dialect)).toMatchObject({ ok: true });
  for (const each of sad) expect(checkSadEntry(each, dialect)).toMatchObject({ ok: true });
  return { spd, sad };
}

const GCM = ["--mode", "transport", "--enc", "aes-gcm-16-256"] as const;
const tunnel = async (...more: readonly string[]) => await qkd("ipsec", "tunnel", "tn-1", "tn-2", ...more);

beforeEach(() => {
  networkOf(["tn-1", A], ["tn-2", B]);
  for (const node of ["tn-1", "tn-2"]) says(`GET ${path(node)}`, status(node));
  says(`POST ${path("tn-1")}`, batch([entry("sad", SA, "installed", KEYED)]));
  says(`POST ${path("tn-2")}`, batch([entry("sad", SA, "installed", KEYED)]));
});

test("both ends' entries, at both nodes", async () => {
  const { code, out, err } = await tunnel(...GCM, "--reqid", "77");
  expect([code, err]).toEqual([0, ""]);
  expect(out.split("\n").map((line) => line.slice(0, 4))).toEqual(["node", "tn-1", "tn-2"]);
  const [one, other] = [postedTo("tn-1"), postedTo("tn-2")];
  expect([one.spd.length, other.spd.length]).toEqual([2, 2]);
  expect(one.sad).toEqual(other.sad);
  const [spi, back] = one.sad.map((each) => each["ipsec-sa-config"].spi);
  expect(one.sad).toMatchObject([
    { name: `${POLICY}_${spi}`, reqid: "77" },
    { name: `out/10.0.0.20/in/10.0.0.11_${back}` },
  ]);
  expect(spi).toBeGreaterThanOrEqual(256);
  expect(spi).not.toBe(back);
});

/** An SA of the tunnel below, by its integrity algorithm. */
const algorithm = (number: number) => ({
  "ipsec-sa-config": {
    mode: "tunnel",
    "esp-sa": { encryption: { "encryption-algorithm": 12 }, integrity: { "integrity-algorithm": number } },
    "traffic-selector": { "local-prefix": "10.2.8.0/24", "remote-prefix": "10.3.0.0/16" },
    "sa-lifetime-hard": { time: 3600 },
    "sa-lifetime-soft": { time: 3000 },
    tunnel: { local: "192.0.2.1", remote: "192.0.2.2" },
  },
});

test("in tunnel mode, each end by its own node's numbers", async () => {
  networkOf(
    ["tn-1", { prefixes: ["10.1.0.0/16", "10.2.0.0/16"] }],
    ["tn-2", { prefixes: ["10.3.0.0/16"], registry: "pfkey" }],
  );
  const cbc = ["--mode", "tunnel", "--enc", "aes-cbc-256", "--integrity", "hmac-sha2-256-128"];
  const hosts = ["--local", "192.0.2.1", "--remote", "192.0.2.2", "--local-prefix", "10.2.8.0/24"];
  const made = await tunnel(...cbc, ...hosts, "--hard", "3600", "--soft", "3000");
  expect(made).toMatchObject({ code: 0, err: expect.stringMatching(/^in 3600 s the SAs end, and nobody/) as string });
  expect(postedTo("tn-1").sad[0]).toMatchObject(algorithm(12));
  expect(postedTo("tn-2", dialectOf({ registry: "pfkey", compat: "none" })).sad[0]).toMatchObject(algorithm(5));
});

test("made anew by themselves, where both nodes do that", async () => {
  expect((await tunnel(...GCM, "--rekey")).err).toContain("--rekey: tn-1 and tn-2 do not make SAs of this tunnel anew");
  networkOf(["tn-1", { ...A, rekey: true }], ["tn-2", B]);
  expect((await tunnel(...GCM, "--rekey")).err).toContain("--rekey: tn-2 does not make SAs of this tunnel anew");
  networkOf(["tn-1", { ...A, rekey: true }], ["tn-2", { ...B, rekey: ["10.9.9.9"] }]);
  expect((await tunnel(...GCM, "--rekey")).err).toContain("--rekey: tn-2 does not make SAs of this tunnel anew");
  expect(postedTo("tn-1").sad).toEqual([]);
  networkOf(["tn-1", { ...A, rekey: true }], ["tn-2", { ...B, rekey: A.prefixes }]);
  expect((await tunnel(...GCM, "--rekey")).err).toBe("");
  expect(postedTo("tn-2").sad[0]).toMatchObject({
    "ipsec-sa-config": { "sa-lifetime-hard": { time: 3600 }, "sa-lifetime-soft": { time: 3000 } },
  });
});

test("one end fails, or is not done, or cannot be asked: the other is told of all the same", async () => {
  says(`POST ${path("tn-2")}`, batch([entry("sad", SA, "failed", { reason: "no-agent", message: "nobody" })]));
  const failed = await tunnel(...GCM);
  expect([failed.code, failed.out.includes("no-agent: nobody")]).toEqual([1, true]);
  says(`POST ${path("tn-2")}`, batch([entry("sad", SA, "queued")], { done: false }));
  expect(await tunnel(...GCM)).toMatchObject({ code: 1, err: expect.stringContaining("not all is done") as string });
  says(`POST ${path("tn-2")}`, { message: "you may not do this" }, 403);
  const half = await tunnel(...GCM);
  expect(half).toMatchObject({ code: 1, err: "qkd: you may not do this (403)" });
  expect(half.out).toMatch(/tn-1 +sad .*installed/);
  const { nodes } = JSON.parse((await tunnel(...GCM, "--json")).out) as { nodes: object[] };
  expect(nodes).toMatchObject([{ node: "tn-1", done: true }]);
});

test("a second one between the same prefixes is refused, at both ends", async () => {
  says(`GET ${path("tn-2")}`, status("tn-2", { entries: [entry("spd", POLICY, "failed")] }));
  expect((await tunnel(...GCM)).code).toBe(0);
  seen.length = 0;
  says(`GET ${path("tn-2")}`, status("tn-2", { entries: [entry("spd", POLICY, "installed")] }));
  const { code, err } = await tunnel(...GCM);
  expect([code, err]).toEqual([1, expect.stringContaining(`tn-2 has a policy "${POLICY}" already`)]);
  expect(seen.every(({ method }) => method === "GET")).toBe(true);
});

test("what cannot be is refused before anything is sent", async () => {
  const ends = [
    ["tn-1", { prefixes: ["10.0.0.11/32", "10.0.1.0/24"], compat: "ccips-agent" }],
    ["tn-2", { prefixes: ["10.0.0.20"] }],
    ["tn-3", { prefixes: ["10.3.0.0/16"] }],
    ["tn-4", { prefixes: ["10.4.0.0/16"], foreign: true }],
  ] as const;
  networkOf(...ends);
  const prefix = ["--local-prefix", "10.0.0.11"];
  const cases: readonly (readonly [argv: readonly string[], words: string])[] = [
    [["tn-1", "tn-1", ...GCM], "A and B are the same node"],
    [["tn-1", "tn-22", ...GCM], 'no node "tn-22" with an IPsec host. Did you mean "tn-2"?'],
    [["tn-2", "tn-4", ...GCM], "the IPsec host of tn-4 is not this deployment's"],
    [["tn-1", "tn-2", "--enc", "aes-gcm-16"], "--mode is required"],
    [["tn-1", "tn-2", "--mode", "beet", "--enc", "x"], '--mode shall be transport or tunnel, not "beet"'],
    [["tn-1", "tn-2", "--mode", "tunnel"], "--enc is required"],
    [["tn-2", "tn-1", ...GCM, "--local", "10.0.0.1"], "--local and --remote go with --mode tunnel"],
    [["tn-1", "tn-2", ...GCM], "--local-prefix is required: tn-1 has the prefixes 10.0.0.11/32, 10.0.1.0/24"],
    [["tn-1", "tn-2", ...GCM, "--local-prefix", "10.0.0.300"], '"10.0.0.300" is no IP prefix'],
    [["tn-1", "tn-2", ...GCM, "--local-prefix", "10.9.0.0/24"], "10.9.0.0/24 is not in 10.0.0.11/32, 10.0.1.0/24"],
    [["tn-2", "tn-3", ...GCM], "tn-3: 10.3.0.0/16 is a network, and mode transport is for hosts"],
    [["tn-2", "tn-3", "--mode", "tunnel", "--enc", "aes-gcm-16"], "--remote is required: the address of the host"],
    [["tn-1", "tn-2", ...GCM, ...prefix], "20 bytes at tn-1 (compat ccips-agent), 36 at tn-2 (none)"],
    [["tn-1", "tn-2", ...prefix, "--mode", "transport", "--enc", "rot13"], "tn-1: enc: shall be one of des-cbc"],
    [["tn-1", "tn-2", ...prefix, "--mode", "transport", "--enc", "aes-cbc"], "tn-1: integrity: aes-cbc needs one of"],
    [["tn-1", "tn-2", ...GCM, "--hard", "60", "--soft", "60"], "--soft 60 shall be below --hard 60"],
    [["tn-1", "tn-2", ...GCM, "--reqid", "0"], "--reqid must be a whole number from 1"],
  ];
  for (const [argv, words] of cases) {
    const { code, err } = await qkd("ipsec", "tunnel", ...argv);
    expect([code, err]).toEqual([1, expect.stringContaining(words)]);
  }
  expect(seen.every(({ method }) => method === "GET")).toBe(true);
});

/** `qkd alarms` against a stand-in for the edge. */
import { beforeEach, describe, expect, test } from "vitest";
import { useCliEdge } from "../../test/support/cli-edge.ts";
import { A, B, ipsecPathOf, ipsecStatus, networkWith, SA } from "../../test/support/cli-ipsec.ts";
import { hostedNode, listedNode } from "../../test/support/cli-nodes.ts";

const { seen, replies, qkd } = useCliEdge();

const LINK = {
  link: "tn-1-tn-2",
  nodes: ["tn-1", "tn-2"],
  source: "push",
  feed: "one-ended",
  health_policy: "reject",
  key_rate_bps: 0,
  shards: 1,
};

const INSTANT = "2026-01-01T00:00:00.000Z";
const alarm = (code: string, subject: string) => ({
  code,
  subject,
  first: INSTANT,
  last: INSTANT,
  count: 2,
  detail: "why",
});
const siteWith = (site: string, ...alarms: object[]) => ({ site, connected: true, services: [], alarms });

const relayed = (pair: string, ...alarms: object[]) => ({
  pair,
  shard: 60,
  disjoint_paths: 1,
  state: "active",
  level: "low",
  available_bits: 8,
  target_bytes: 512,
  stored_hops: { min: 2, max: 3 },
  alarms,
});

describe("alarms", () => {
  beforeEach(() => {
    const missing = { ...alarm("twin-missing", "tn-2"), meaning: "m", shard: 0 };
    replies["GET /api/v1/links"] = [{ status: 200, json: { links: [LINK] } }];
    replies["GET /api/v1/links/tn-1-tn-2"] = [{ status: 200, json: { ...LINK, pool: {}, alarms: [missing] } }];
    const failed = siteWith("site-b", alarm("not-confirmed", "agent-b"));
    replies["GET /api/v1/sites"] = [
      { status: 200, json: { sites: [siteWith("site-a")], next: "site-a" } },
      { status: 200, json: { sites: [failed], next: null } },
    ];
    replies["GET /api/v1/sites/site-b"] = [{ status: 200, json: failed }];
    const short = { ...alarm("relay-short", "tn-1|tn-4"), meaning: "m", shard: 60 };
    replies["GET /api/v1/pairs"] = [
      { status: 200, json: { pairs: [relayed("tn-1|tn-3")], next: "tn-1|tn-3#60" } },
      { status: 200, json: { pairs: [relayed("tn-1|tn-4", short)], next: null } },
    ];
    const forged = { ...alarm("relay-forged", "tn-1"), meaning: "m" };
    const nodes = [listedNode("tn-2"), listedNode("tn-9", { hosted: false, url: "https://other.example" })];
    replies["GET /api/v1/nodes"] = [{ status: 200, json: { nodes } }];
    replies["GET /api/v1/nodes/tn-2"] = [{ status: 200, json: hostedNode("tn-2", { alarms: [forged] }) }];
  });

  const ofLink = /tn-1-tn-2 +twin-missing +tn-2 +2 /;
  const ofPair = /pair tn-1\|tn-4 +relay-short +tn-1\|tn-4 +2 /;
  const ofNode = /node tn-2 +relay-forged +tn-1 +2 /;
  const ofSite = /site site-b +not-confirmed +agent-b +2 /;

  test("of links, relayed pairs, nodes and sites, page by page; of one of them", async () => {
    const all = (await qkd("alarms")).out;
    for (const each of [ofLink, ofPair, ofNode, ofSite]) expect(all).toMatch(each);
    expect(seen.map(({ url }) => url).slice(-2)).toEqual(["/api/v1/sites?after=", "/api/v1/sites?after=site-a"]);
    const link = (await qkd("alarms", "--link", "tn-1-tn-2")).out;
    expect(link).toMatch(ofLink);
    for (const each of [ofPair, ofNode, ofSite]) expect(link).not.toMatch(each);
    const site = JSON.parse((await qkd("alarms", "--site", "site-b", "--json")).out) as object;
    expect(site).toMatchObject({ alarms: [{ site: "site-b", code: "not-confirmed", count: 2 }] });
    const node = JSON.parse((await qkd("alarms", "--node", "tn-2", "--json")).out) as object;
    expect(node).toMatchObject({ alarms: [{ node: "tn-2", code: "relay-forged", count: 2 }] });
    expect((await qkd("alarms", "--site", "b", "--link", "l")).err).toContain("not both");
    expect((await qkd("alarms", "--node", "tn-3")).err).toContain('no node "tn-3". Did you mean "tn-2"');
  });

  test("of IPsec hosts, with those of their nodes; cleared by their own codes", async () => {
    const failed = { ...alarm("rekey-failed", SA), meaning: "m" };
    const elsewhere = { remote: { url: "https://other.example" } };
    replies["GET /api/v1/network"] = [
      { status: 200, json: networkWith(["tn-1", null], ["tn-2", A], ["tn-9", B, elsewhere]) },
    ];
    replies[`GET ${ipsecPathOf("tn-2")}`] = [{ status: 200, json: ipsecStatus("tn-2", { alarms: [failed] }) }];
    const ofHost = /node tn-2 +rekey-failed +out\S+ +2 /;
    const all = (await qkd("alarms")).out;
    for (const each of [ofLink, ofPair, ofNode, ofHost, ofSite]) expect(all).toMatch(each);
    const node = (await qkd("alarms", "--node", "tn-2")).out;
    for (const each of [ofNode, ofHost]) expect(node).toMatch(each);
    expect((await qkd("node", "show", "tn-2")).out).toMatch(/rekey-failed +out/);
    replies[`DELETE ${ipsecPathOf("tn-2", "alarms/rekey-failed")}`] = [{ status: 200, json: { cleared: 1 } }];
    const cleared = await qkd("alarms", "clear", "rekey-failed", "--node", "tn-2");
    expect(cleared).toEqual({ code: 0, out: "cleared 1 alarm of node tn-2", err: "" });
  });

  test("of links alone, for who may not read nodes and sites", async () => {
    for (const what of ["pairs", "nodes", "sites"]) {
      replies[`GET /api/v1/${what}`] = [{ status: 403, json: { message: "you may not do this" } }];
    }
    expect(await qkd("alarms")).toMatchObject({ code: 0, out: expect.stringMatching(/twin-missing/) as string });
  });

  test("of one relayed pair, named in either order; and cleared", async () => {
    const pair = JSON.parse((await qkd("alarms", "--pair", "tn-4|tn-1", "--json")).out) as { alarms: object[] };
    expect(pair.alarms).toMatchObject([{ pair: "tn-1|tn-4", code: "relay-short", shard: 60 }]);
    replies["DELETE /api/v1/pairs/tn-1%7Ctn-4/alarms/relay-short"] = [{ status: 200, json: { cleared: 1 } }];
    const cleared = await qkd("alarms", "clear", "relay-short", "--pair", "tn-4|tn-1");
    expect(cleared).toEqual({ code: 0, out: "cleared 1 alarm of pair tn-1|tn-4", err: "" });
  });

  test("stand by number in the line that status has for each relayed pair", async () => {
    const { out } = await qkd("status");
    expect(out).toMatch(/tn-1\|tn-3 +1 +active +low +8 +512 +0$/m);
    expect(out).toMatch(/tn-1\|tn-4 +1 +active +low +8 +512 +1$/m);
    seen.length = 0;
    expect((await qkd("status", "tn-1-tn-2")).out).not.toContain("tn-1|tn-4");
    expect(seen.filter(({ url }) => url.startsWith("/api/v1/pairs"))).toEqual([]);
  });

  test("are cleared by code, of a link, a node or a site", async () => {
    replies["DELETE /api/v1/nodes/tn-2/alarms/relay-forged"] = [{ status: 200, json: { cleared: 2 } }];
    const ofTwo = await qkd("alarms", "clear", "relay-forged", "--node", "tn-2");
    expect(ofTwo).toEqual({ code: 0, out: "cleared 2 alarms of node tn-2", err: "" });
    replies["DELETE /api/v1/sites/site-b/alarms/not-confirmed"] = [{ status: 200, json: { cleared: 1 } }];
    const cleared = await qkd("alarms", "clear", "not-confirmed", "--site", "site-b");
    expect(cleared).toEqual({ code: 0, out: "cleared 1 alarm of site site-b", err: "" });
    expect((await qkd("alarms", "clear", "not-confirmed")).err).toContain("--link");
  });
});

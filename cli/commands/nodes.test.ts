/** `qkd node list|show|route` against a stand-in for the edge. */
import { describe, expect, test } from "vitest";
import { useCliEdge } from "../../test/support/cli-edge.ts";
import { hostedNode, listedNode } from "../../test/support/cli-nodes.ts";

const { seen, replies, qkd } = useCliEdge();
const OTHER = "https://other.example";

const says = (what: string, json: object): void => {
  replies[`GET /api/v1/nodes${what}`] = [{ status: 200, json }];
};
const link = (id: string, more: object) => ({
  link: id,
  peer: "tn-2",
  available_bits: null,
  key_rate_bps: null,
  qber: null,
  usable: true,
  problem: null,
  ...more,
});

test("list: who hosts them, and their neighbours", async () => {
  const nodes = [
    listedNode("tn-1", { saes: 2, neighbours: ["tn-2", "tn-9"] }),
    listedNode("tn-9", { hosted: false, url: OTHER }),
  ];
  says("", { nodes });
  expect((await qkd("node", "list")).out.split("\n")).toEqual([
    "node  hosted                 SAEs  neighbours",
    "tn-1  here                      2  tn-2 tn-9",
    "tn-9  https://other.example     0  -",
  ]);
  expect(JSON.parse((await qkd("node", "list", "--json")).out)).toEqual({ nodes });
});

describe("show", () => {
  test("all that a node says", async () => {
    const node = hostedNode("tn-1", {
      links: [
        link("tn-1-tn-2", { available_bits: 81_920, key_rate_bps: 1000, qber: 0.021 }),
        link("tn-1-tn-9", { peer: "tn-9", usable: false, problem: "peer-not-heard" }),
      ],
      heard: [{ node: "tn-2", hosted: true, sequence: 17, age_ms: 4200, links: 2, saes: 1, signed: true }],
      not_heard: [
        { node: "tn-3", hosted: true },
        { node: "tn-9", hosted: false },
      ],
      avoided: [
        { link: "tn-1-tn-2", node: null, left_ms: 700 },
        { link: null, node: "tn-9", left_ms: 2000 },
      ],
      relays: {
        since: "2026-01-01T00:00:00.000Z",
        keys: { begun: 1500, done: 1497, failed: { "no-path": 2, "link-budget": 1 } },
        troubles: { silent: 4 },
        steps: { begun: 3, done: 3, failed: {} },
      },
    });
    says("/tn-1", node);
    expect((await qkd("node", "show", "tn-1")).out.split("\n")).toEqual([
      "tn-1: hosted here, relay enabled",
      "  links:",
      "    link       to    relays              available bits  key rate bit/s   QBER",
      "    tn-1-tn-2  tn-2  yes                         81,920           1,000  2.1 %",
      "    tn-1-tn-9  tn-9  NO: peer-not-heard               -               -      -",
      "  heard of:",
      "    node  hosted    heard  sequence  links  SAEs  signed",
      "    tn-2  here    4 s ago        17      2     1  yes",
      "  not heard of: tn-9",
      "  not heard of, hosted here, taken as the network document says: tn-3",
      "  avoided for 700 ms: link tn-1-tn-2",
      "  avoided for 2000 ms: node tn-9",
      "  relays since 2026-01-01T00:00:00.000Z:",
      "    begun here  1,500 begun, 1,497 done, 3 failed: no-path 2, link-budget 1",
      "    steps       3 begun, 3 done, 0 failed",
      "    paths that failed: silent 4",
      "  alarms: none",
    ]);
    expect(JSON.parse((await qkd("node", "show", "tn-1", "--json")).out)).toEqual(node);
  });

  test("of a node of another deployment, what is heard of it here", async () => {
    const remote = { node: "tn-9", hosted: false, url: OTHER, asked: "tn-1", heard: null };
    const show = async (more: object): Promise<string | undefined> => {
      says("/tn-9", { ...remote, ...more });
      return (await qkd("node", "show", "tn-9")).out.split("\n")[1]?.trim();
    };
    expect(await show({})).toBe("tn-1 has not heard of it");
    expect(await show({ asked: null })).toBe("no node here could be asked of it");
    const heard = { sequence: 5, age_ms: 9000, links: 1, saes: 2, signed: true };
    expect(await show({ heard })).toBe("tn-1 heard of it 9 s ago: 1 link, 2 SAEs, signed");
  });

  test("of one there is none of, the one that was meant", async () => {
    says("", { nodes: [listedNode("tn-1")] });
    expect(await qkd("node", "show", "tn-11")).toEqual({
      code: 1,
      out: "",
      err: 'qkd: no node "tn-11". Did you mean "tn-1"?',
    });
  });
});

const saysOfRoute = (more: object) =>
  says("/tn-1/routes/tn-4", {
    from: "tn-1",
    to: "tn-4",
    disjoint_paths: 1,
    paths: [],
    cut: [],
    custody: "within-deployment",
    ...more,
  });

const errOf = async (from: string, to: string): Promise<string> => (await qkd("node", "route", from, to)).err;

describe("route", () => {
  test("the ways there are", async () => {
    const paths = [
      { nodes: ["tn-1", "tn-4"], links: ["l-14"], hops: 1, cost: 1 },
      { nodes: ["tn-1", "tn-9", "tn-4"], links: ["l-19", "l-94"], hops: 2, cost: 2.5 },
    ];
    saysOfRoute({ paths, custody: "between", disjoint_paths: 2 });
    const found = await qkd("node", "route", "tn-1", "tn-4", "--disjoint-paths", "2");
    expect(seen.at(-1)?.url).toBe("/api/v1/nodes/tn-1/routes/tn-4?disjoint_paths=2");
    expect([found.code, ...found.out.split("\n")]).toEqual([
      0,
      "hops  cost  path                links",
      "   1     1  tn-1 - tn-4         l-14",
      "   2   2.5  tn-1 - tn-9 - tn-4  l-19 l-94",
      "relay: between deployments",
    ]);
  });

  test("of nodes there are none of: which of the two", async () => {
    const gone = { status: 404, json: { message: "no such target" } };
    replies["GET /api/v1/nodes/tn-1/routes/tn-44"] = [gone];
    replies["GET /api/v1/nodes/tn-11/routes/tn-4"] = [gone];
    replies["GET /api/v1/nodes/tn-9/routes/tn-1"] = [gone];
    says("", { nodes: [listedNode("tn-1"), listedNode("tn-4"), listedNode("tn-9", { hosted: false, url: OTHER })] });
    expect(await errOf("tn-1", "tn-44")).toBe('qkd: no node "tn-44". Did you mean "tn-4"?');
    expect(await errOf("tn-11", "tn-4")).toBe('qkd: no node "tn-11". Did you mean "tn-1"?');
    expect(await errOf("tn-9", "tn-1")).toBe("qkd: tn-9 is hosted by another deployment: ask that one");
  });

  test("none: the cut, and exit 1", async () => {
    saysOfRoute({ cut: ["link l-14 (no key for relays)"] });
    expect(await qkd("node", "route", "tn-1", "tn-4")).toEqual({
      code: 1,
      out: "tn-1 to tn-4: no path\n  to come back: link l-14 (no key for relays)",
      err: "",
    });
    saysOfRoute({ disjoint_paths: 3 });
    expect((await qkd("node", "route", "tn-1", "tn-4", "--disjoint-paths", "3")).out).toBe(
      "tn-1 to tn-4: 3 node-disjoint paths are not there",
    );
    expect((await qkd("node", "route", "tn-1", "tn-4", "--disjoint-paths", "5")).err).toContain("from 1 to 4");
  });
});

test("identity: where the node is reached has to be said", async () => {
  const refused = await qkd("node", "identity", "tn-1");
  expect(refused).toMatchObject({ code: 1, out: "", err: expect.stringContaining("--public-url is required") });
  expect(seen).toEqual([]);
});

const identity = (node: string) => qkd("node", "identity", node, "--public-url", "https://edge.example");

test("identity: a node that is not hosted here is named as what it is", async () => {
  const elsewhere = listedNode("tn-9", { hosted: false, url: "https://edge.example" });
  replies["GET /api/v1/nodes"] = [{ status: 200, json: { nodes: [listedNode("tn-1"), elsewhere] } }];
  expect((await identity("tn-9")).err).toBe("qkd: tn-9 is hosted by another deployment: ask that one");
  expect((await identity("tn-0")).err).toContain('no node "tn-0". Did you mean');
});

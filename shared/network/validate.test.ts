import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../limits.ts";
import { pushLink } from "../../test/support/network-document.ts";
import type { NetworkDocument, NetworkDocumentInput } from "./document.ts";
import { jsonPointer, validateNetwork } from "./validate.ts";

const hex = (digit: string) => digit.repeat(64);
const token = (digit: string) => ({ type: "token" as const, sha256: hex(digit) });
const certificate = (value: string) => ({ type: "certificate" as const, match: "cn" as const, value });
const link = (id: string, a: string, b: string, shards = 1) => pushLink(id, a, b, { shards });

/** Three nodes in a chain, an SAE at each end. */
const sound = (): NetworkDocumentInput => ({
  nodes: [{ id: "tn-1", site: "site-1" }, { id: "tn-2" }, { id: "tn-3" }],
  links: [link("l-12", "tn-1", "tn-2", 2), link("l-23", "tn-2", "tn-3")],
  saes: [
    { id: "sae-a", node: "tn-1", credentials: [token("a"), certificate("sae-a")] },
    { id: "sae-b", node: "tn-3", credentials: [token("b")] },
  ],
  agents: [{ id: "agent-1", site: "site-1", credentials: [token("c")] }],
  operators: [{ id: "alice", credentials: [token("d")] }],
});

const faultsOf = (input: unknown, previous?: NetworkDocument) => {
  const result = validateNetwork(input, previous === undefined ? {} : { previous });
  return result.ok ? [] : (result.error.details ?? []).map(({ pointer }) => pointer);
};
const valid = (input: unknown): NetworkDocument => {
  const result = validateNetwork(input);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};
/** As many as a body of 8 MB can hold. */
const many = <T>(item: T): T[] => Array.from({ length: 4_000_000 }, () => item);
type Change = (document: NetworkDocumentInput) => unknown;
const changed = (change: Change) => {
  const document = sound();
  change(document);
  return document;
};
const policy =
  (more: object): Change =>
  (d) =>
    Object.assign(d, { policy: more });
const sizes = (min: number, normal: number, max: number) => policy({ key_size_bits: { min, default: normal, max } });

const judged = (origin: string) => faultsOf({ ...sound(), browser_origins: ["https://ok.example", origin] });

describe("origins of pages", () => {
  it.each([
    "https://app.example",
    "https://app.example:8443",
    "https://[2001:db8::1]:8443",
    "https://xn--bcher-kva.example",
    "http://localhost:5173",
    "http://127.0.0.1",
    "http://[::1]:8080",
  ])("may be %s", (origin) => {
    expect(judged(origin)).toEqual([]);
    expect(new URL(origin).origin).toBe(origin);
  });

  it.each([
    "*",
    "null",
    "",
    "https://app.example/",
    "https://app.example/page",
    "https://app.example:443",
    "http://localhost:80",
    "https://App.example",
    "https://*.example",
    "https://user@app.example",
    "https://app.example https://evil.example",
    "http://app.example",
    "https://",
    `https://${"a".repeat(LIMITS.browserOriginChars)}`,
  ])("may not be %s", (origin) => {
    expect(judged(origin)).toEqual(["/browser_origins/1"]);
  });
});

describe("a sound network document", () => {
  it("is taken, with its defaults filled in", () => {
    const document = valid(sound());
    expect(document.policy.key_size_bits).toEqual({ min: 64, default: 256, max: 4096 });
    expect(document.policy.drain_s).toBe(60);
    expect(document.controllers).toEqual([]);
    expect(valid(document)).toEqual(document);
  });

  it("may take in what the last one had, unchanged", () => {
    expect(faultsOf(sound(), valid(sound()))).toEqual([]);
  });
});

describe("faults, by pointer", () => {
  it.each<[string, Change, string[]]>([
    ["a node called as the deployment's audit log", (d) => d.nodes.push({ id: "deployment" }), ["/nodes/3/id"]],
    ["a node twice", (d) => d.nodes.push({ id: "tn-1" }), ["/nodes/3/id"]],
    ["a node called as another's KME", (d) => d.nodes.push({ id: "x", kme_id: "y" }, { id: "y" }), ["/nodes/4/id"]],
    ["a KME ID twice", (d) => d.nodes.push({ id: "tn-4", kme_id: "tn-1" }), ["/nodes/3/kme_id"]],
    [
      "a UUID and a KMS site id twice",
      (d) => {
        for (const node of d.nodes.slice(1))
          Object.assign(node, { uuid: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa", kms_site_id: "1" });
      },
      ["/nodes/2/uuid", "/nodes/2/kms_site_id"],
    ],
    ["a link id twice", (d) => d.links.push(link("l-12", "tn-1", "tn-3")), ["/links/2/id"]],
    ["a pair twice, turned round", (d) => d.links.push(link("l-21", "tn-2", "tn-1", 2)), ["/links/2/nodes"]],
    ["a link to itself", (d) => d.links.push(link("l-11", "tn-1", "tn-1")), ["/links/2/nodes"]],
    ["links to nowhere", (d) => d.links.push(link("l-x", "tn-8", "tn-9")), ["/links/2/nodes/0", "/links/2/nodes/1"]],
    ["an SAE twice", (d) => d.saes.push({ id: "sae-a", node: "tn-1", credentials: [] }), ["/saes/2/id"]],
    ["an SAE nowhere", (d) => d.saes.push({ id: "sae-x", node: "tn-9", credentials: [] }), ["/saes/2/node"]],
    [
      "addresses of two SAEs, twice of one, and another's id",
      (d) => {
        Object.assign(d.saes[0]!, { addresses: ["10.0.0.11:5000", "sae-a", "server://localhost"] });
        Object.assign(d.saes[1]!, { addresses: ["server://localhost", "server://b", "server://b", "sae-a"] });
      },
      ["/saes/1/addresses/0", "/saes/1/addresses/2", "/saes/1/addresses/3"],
    ],
    [
      "addresses of wrong shape, and too many",
      (d) => {
        Object.assign(d.saes[0]!, { addresses: ["", "a\nb", "x".repeat(LIMITS.streamUriChars + 1), 5] });
        Object.assign(d.saes[1]!, { addresses: Array.from({ length: LIMITS.addressesEach + 1 }, String) });
      },
      ["/saes/0/addresses/0", "/saes/0/addresses/1", "/saes/0/addresses/2", "/saes/0/addresses/3", "/saes/1/addresses"],
    ],
    ["an agent nowhere", (d) => d.agents?.push({ id: "agent-2", site: "tn-1x", credentials: [] }), ["/agents/1/site"]],
    ["an agent twice", (d) => d.agents?.push({ id: "agent-1", site: "tn-2", credentials: [] }), ["/agents/1/id"]],
    [
      "a token of two",
      (d) => d.operators.push({ id: "bob", credentials: [token("a")] }),
      ["/operators/1/credentials/0/sha256"],
    ],
    ["a certificate of two", (d) => d.saes[1]?.credentials.push(certificate("sae-a")), ["/saes/1/credentials/1/value"]],
    [
      "a DNS name of two, in other case",
      (d) => {
        d.saes[0]?.credentials.push({ type: "certificate", match: "san", value: "DNS:Sae" });
        d.saes[1]?.credentials.push({ type: "certificate", match: "san", value: "DNS:sae" });
      },
      ["/saes/1/credentials/1/value"],
    ],
    [
      "a short fingerprint",
      (d) => d.saes[0]?.credentials.push({ type: "certificate", match: "fingerprint", value: "ab" }),
      ["/saes/0/credentials/2/value"],
    ],
    [
      "an untyped SAN",
      (d) => d.saes[0]?.credentials.push({ type: "certificate", match: "san", value: "sae-a" }),
      ["/saes/0/credentials/2/value"],
    ],
    [
      "a scope that is none",
      (d) => d.saes[0]?.credentials.push({ ...token("e"), scopes: ["keys.enc", "keys.*"] }),
      ["/saes/0/credentials/2/scopes/1"],
    ],
    ["key sizes out of order", sizes(512, 256, 128), ["/policy/key_size_bits/default", "/policy/key_size_bits/max"]],
    ["key sizes of no octets", sizes(9, 256, 257), ["/policy/key_size_bits/min", "/policy/key_size_bits/max"]],
    [
      "pool marks out of order",
      policy({ pool: { low_bytes: 9000, high_bytes: 8000, capacity_bytes: 5000 } }),
      ["/policy/pool/high_bytes", "/policy/pool/capacity_bytes"],
    ],
    ["too large a container", policy({ max_key_per_request: 4096 }), ["/policy/max_key_per_request"]],
    [
      "quotas of nobody, twice, and for all",
      policy({
        quotas: [
          { sae: "sae-a", keys_per_day: 1 },
          { sae: "sae-x", link: "l-99", keys_per_day: 1 },
          { link: "l-12", pool_share: 0.5 },
          { sae: "sae-a", link: "l-12", pool_share: 0.5 },
          { sae: "sae-a", pool_share: 0.5 },
          { link: "l-12", keys_per_day: 9 },
          { keys_per_day: 9 },
        ],
      }),
      [
        "/policy/quotas/1/sae",
        "/policy/quotas/1/link",
        "/policy/quotas/6",
        "/policy/quotas/4/sae",
        "/policy/quotas/5/link",
      ],
    ],
    [
      "quotas out of range",
      policy({ quota: { keys_per_day: -1, pool_share: 1.1 }, quotas: [{ sae: "sae-a", keys_per_day: 0.5 }] }),
      ["/policy/quota/keys_per_day", "/policy/quota/pool_share", "/policy/quotas/0/keys_per_day"],
    ],
    ["no operator", (d) => (d.operators = []), ["/operators"]],
    ["an operator without credentials", (d) => (d.operators = [{ id: "a", credentials: [] }]), ["/operators"]],
    [
      "an operator who may only read",
      (d) => (d.operators = [{ id: "a", credentials: [{ ...token("d"), scopes: ["network.read"] }] }]),
      ["/operators"],
    ],
    [
      "reserved operators",
      (d) => d.operators.push({ id: "bootstrap", credentials: [] }, { id: "starter", credentials: [] }),
      ["/operators/1/id", "/operators/2/id"],
    ],
    ["unknown members", (d) => Object.assign(d.nodes[0] ?? {}, { "a/b~c": 1 }), ["/nodes/0/a~1b~0c"]],
    ["a bad id", (d) => d.nodes.push({ id: "a|b" }), ["/nodes/3/id"]],
  ])("%s", (_, change, pointers) => {
    expect(faultsOf(changed(change))).toEqual(pointers);
  });

  it("tells shapes and rules at once, without faults that only follow", () => {
    const faults = faultsOf(
      changed((d) => {
        Object.assign(d.nodes[1] ?? {}, { site: "" }); // tn-2: links to it are no fault
        d.saes.push({ id: "sae-x", node: "tn-9", credentials: [] });
        d.operators = [];
        d.policy = { quotas: [{ sae: "sae-x", keys_per_day: 1 }] }; // it is there, though it is nowhere
      }),
    );
    expect(faults).toEqual(["/nodes/1/site", "/saes/2/node", "/operators"]);
  });

  it("asks for a seed where a link conditions, and says how to draw one", () => {
    const drawn = { health: "condition", conditioning_seed: hex("e") } as const;
    const links = [
      { ...link("l-12", "tn-1", "tn-2"), health: "condition" },
      { ...link("l-23", "tn-2", "tn-3"), ...drawn, conditioning_seed: "secret", min_entropy_per_bit: 1.01 },
    ];
    const result = validateNetwork({ ...sound(), links });
    expect(result.ok ? [] : result.error.details).toEqual([
      { pointer: "/links/1/min_entropy_per_bit", message: "shall be at most 1" },
      { pointer: "/links/1/conditioning_seed", message: expect.stringMatching(/^shall be 32 random bytes .* openssl/) },
      {
        pointer: "/links/0/conditioning_seed",
        message: expect.stringMatching(/^health "condition" needs it: .*openssl/),
      },
    ]);
    for (const more of [drawn, { ...drawn, min_entropy_per_bit: 0.1 }, { conditioning_seed: hex("e") }]) {
      expect(faultsOf({ ...sound(), links: [{ ...link("l-12", "tn-1", "tn-2"), ...more }] })).toEqual([]);
    }
    const low = { ...link("l-12", "tn-1", "tn-2"), ...drawn, min_entropy_per_bit: 0.09 };
    expect(faultsOf({ ...sound(), links: [low] })).toEqual(["/links/0/min_entropy_per_bit"]);
  });

  it("says in words what is wrong with a shape, and that others may follow", () => {
    const result = validateNetwork({
      ...sound(),
      nodes: [{ id: "tn-1", kme_id: 7 }, { uuid: "x" }],
      links: [{ ...link("l", "tn-1", "tn-3"), health: "maybe", key_rate_bps: -1, colour: 1 }, 5],
      saes: [{ id: "", node: "tn-1" }],
      agents: [{ id: "agent-1", site: "tn-1x", credentials: [{ type: "passport" }] }],
      policy: { drain_s: 1.5 },
    });
    if (result.ok) throw new Error("taken");
    expect(result.error.message).toMatch(/has \d+ faults; mend these first/);
    // The second node may be the one that the agent's site and the link mean: no fault of theirs is told.
    expect(result.error.details).toEqual([
      { pointer: "/nodes/0/kme_id", message: "shall be text" },
      { pointer: "/nodes/1/id", message: "missing" },
      { pointer: "/nodes/1/uuid", message: "shall be a UUID in lower case" },
      { pointer: "/links/0/health", message: "shall be one of reject, condition, accept" },
      { pointer: "/links/0/key_rate_bps", message: "shall be at least 0" },
      { pointer: "/links/0/colour", message: "no such member" },
      { pointer: "/links/1", message: "shall be an object" },
      { pointer: "/saes/0/id", message: "shall not be empty" },
      { pointer: "/saes/0/credentials", message: "missing" },
      { pointer: "/agents/0/credentials/0/type", message: "shall be one of certificate, token" },
      { pointer: "/policy/drain_s", message: "shall be a whole number" },
    ]);
  });

  it.each([null, 1, "x", [], {}, { nodes: 1 }, { nodes: [null], links: [null], saes: [[]], operators: [1] }])(
    "refuses %j with faults",
    (input) => {
      expect(faultsOf(input).length).toBeGreaterThan(0);
    },
  );

  it("bounds what it tells", () => {
    const result = validateNetwork(
      changed((d) =>
        d.saes.push(...Array.from({ length: 500 }, (_, n) => ({ id: `x${n}`, node: "none", credentials: [] }))),
      ),
    );
    expect(result.ok || result.error.details?.length).toBe(LIMITS.faultsReported);
    expect(result.ok || result.error.message).toContain("more than 200 faults");
  });

  it.each<[string, Change, string, number]>([
    ["nodes", (d) => Object.assign(d, { nodes: many(0) }), "/nodes", LIMITS.nodes],
    ["SAEs", (d) => Object.assign(d, { saes: many({}) }), "/saes", LIMITS.saes],
    [
      "credentials",
      (d) => Object.assign(d.saes[0] ?? {}, { credentials: many(0) }),
      "/saes/0/credentials",
      LIMITS.credentialsEach,
    ],
    [
      "scopes",
      (d) => d.saes[0]?.credentials.push({ ...token("e"), scopes: many("") }),
      "/saes/0/credentials/2/scopes",
      32,
    ],
  ])("looks at none of too many %s", (_, change, pointer, max) => {
    const result = validateNetwork(changed(change));
    if (result.ok) throw new Error("taken");
    expect(result.error.details).toEqual([{ pointer, message: `shall have at most ${max} entries` }]);
  });

  it("stops looking when it has enough to tell", () => {
    const looks: number[] = [];
    const saes = Array.from({ length: LIMITS.saes }, (_, n) => ({
      get id() {
        looks.push(n);
        return 0;
      },
    }));
    const result = validateNetwork({ ...sound(), saes });
    expect(result.ok || result.error.details?.length).toBe(LIMITS.faultsReported);
    expect(result.ok || result.error.message).toContain("more than 200 faults");
    expect(Math.max(...looks)).toBeLessThan(LIMITS.faultsReported);
  });

  it("never throws, and takes only what it would take again", () => {
    const member = fc.oneof(fc.jsonValue(), fc.constantFrom("tn-1", "tn-2", "sae-a", "push", 8, null));
    fc.assert(
      fc.property(
        fc.constantFrom("nodes", "links", "saes", "agents", "operators", "policy", "name"),
        member,
        (name, value) => {
          const result = validateNetwork({ ...sound(), [name]: value });
          if (result.ok) expect(valid(result.value)).toEqual(result.value);
          else expect(result.error.details?.length).toBeGreaterThan(0);
        },
      ),
    );
  });
});

describe("what may not be undone", () => {
  const previous = valid(sound());

  it("shards, whatever the link is called", () => {
    expect(
      faultsOf(
        changed((d) => (d.links[0] = link("new", "tn-2", "tn-1", 1))),
        previous,
      ),
    ).toEqual(["/links/0/shards"]);
    expect(
      faultsOf(
        changed((d) => (d.links[0] = link("l-12", "tn-1", "tn-2", 3))),
        previous,
      ),
    ).toEqual([]);
  });
});

describe("who may write the next document", () => {
  const nowMs = Date.parse("2026-01-01T00:00:00Z");
  const pointersOf = (
    credentials: NetworkDocumentInput["operators"][number]["credentials"],
    revoked: string[] = [],
  ) => {
    const input = { ...sound(), operators: [{ id: "alice", credentials }] };
    const result = validateNetwork(input, { nowMs, revoked: new Set(revoked) });
    return result.ok ? [] : result.error.details?.map(({ pointer }) => pointer);
  };
  const until = (expires: string) => ({ ...token("d"), expires });
  const fingerprint = { type: "certificate" as const, match: "fingerprint" as const, value: hex("f") };

  it.each([
    ["one that has just expired", [until("2026-01-01T00:00:00Z")], []],
    ["a revoked token", [token("d")], [`token:${hex("d")}`]],
    ["a revoked certificate", [fingerprint], [`certificate:${hex("f")}`]],
    ["a revoked operator", [token("d"), certificate("alice")], ["principal:operator:alice"]],
    [
      "one expired, one of another scope",
      [until("2020-01-01T00:00:00Z"), { ...token("e"), scopes: ["audit.read"] }],
      [],
    ],
  ])("not by %s", (_, credentials, revoked) => {
    expect(pointersOf(credentials, revoked)).toEqual(["/operators"]);
  });

  it("by one that is still good, among others", () => {
    expect(pointersOf([until("2026-01-01T00:00:01Z")])).toEqual([]);
    expect(pointersOf([until("2020-01-01T00:00:00Z"), token("e")], [`token:${hex("d")}`])).toEqual([]);
    expect(pointersOf([fingerprint], [`token:${hex("f")}`])).toEqual([]);
  });
});

it("writes pointers as RFC 6901 says", () => {
  expect(jsonPointer([])).toBe("");
  expect(jsonPointer(["a/b", "m~n", 0])).toBe("/a~1b/m~0n/0");
});

/** `qkd ipsec list|show|post|delete|rekey` against a stand-in for the edge. */
import { beforeEach, describe, expect, test } from "vitest";
import {
  A,
  B,
  batchOf as batch,
  entryOf as entry,
  INSTANT,
  ipsecPathOf as path,
  ipsecStatus as status,
  KEYED,
  POLICY,
  SA,
  useIpsecEdge,
} from "../../test/support/cli-ipsec.ts";

const { seen, says, networkOf, qkd, file, sent } = useIpsecEdge();

const FAILED = { reason: "host-refused", message: "invalid-value: mode" };

test("list: whose they are, and how their entries fare", async () => {
  networkOf(
    ["tn-1", { ...A, rekey: true, registry: "pfkey" }],
    ["tn-2", null],
    ["tn-3", { prefixes: ["10.1.0.0/16", "2001:db8::/64"], foreign: true }],
    ["tn-4", { prefixes: ["10.0.0.40/32"] }],
  );
  const entries = [entry("sad", SA, "installed"), entry("spd", POLICY, "installed"), entry("sad", "x", "failed")];
  const alarm = {
    code: "rekey-failed",
    meaning: "m",
    subject: SA,
    first: INSTANT,
    last: INSTANT,
    count: 1,
    detail: "",
  };
  says(`GET ${path("tn-1")}`, status("tn-1", { entries, alarms: [alarm] }));
  says(`GET ${path("tn-4")}`, status("tn-4"));
  expect((await qkd("ipsec", "list")).out.split("\n")).toEqual([
    "node  hosted     prefixes                   registry  rekey  entries                alarms",
    "tn-1  here       10.0.0.11/32               pfkey     yes    2 installed, 1 failed  1",
    "tn-3  elsewhere  10.1.0.0/16 2001:db8::/64  iana      no     -                      -",
    "tn-4  here       10.0.0.40/32               iana      no     none                   0",
  ]);
  const { nodes } = JSON.parse((await qkd("ipsec", "list", "--json")).out) as { nodes: object[] };
  expect(nodes).toMatchObject([{ node: "tn-1", status: { entries } }, { status: null }, { node: "tn-4" }]);
  networkOf(["tn-1", null]);
  expect((await qkd("ipsec", "list")).out).toBe("no node has an IPsec host");
});

describe("show", () => {
  test("all that is known", async () => {
    const at = INSTANT;
    says(
      `GET ${path("tn-1")}`,
      status("tn-1", {
        entries: [
          entry("sad", SA, "installed", KEYED),
          entry("spd", POLICY, "failed", { ...FAILED, warnings: ["key-length: 32 is taken as bytes: 256 bits"] }),
        ],
        settings: [{ endpoints: ["192.168.1.11", "192.168.1.20"], qkd: true, kem: null, method: "xoring" }],
        rekeys: [{ id: "r-1", phase: "outbound", sas: 2, since: INSTANT }],
        notifications: [
          { at, notification: { kind: "sadb-expire", eventTime: INSTANT, saName: SA, soft: true, current: {} } },
          { at, notification: { kind: "sadb-bad-spi", eventTime: INSTANT, spi: 7 } },
          {
            at,
            notification: {
              kind: "sadb-acquire",
              eventTime: INSTANT,
              policyName: POLICY,
              selector: { "local-prefix": "10.0.0.11/32", "remote-prefix": "10.0.0.20/32" },
            },
          },
        ],
        alarms: [
          { code: "not-deleted", meaning: "m", subject: SA, first: at, last: at, count: 6, detail: "host away" },
        ],
      }),
    );
    expect((await qkd("ipsec", "show", "tn-1")).out.split("\n")).toEqual([
      "tn-1: 1 installed, 1 failed",
      "  entries, the latest change first:",
      "         entry                            state      SPI",
      `    sad  ${SA}  installed  1000  key of ML-KEM-512, WITHOUT QKD, anew at ${INSTANT}`,
      `    spd  ${POLICY}       failed           host-refused: invalid-value: mode`,
      `  warning, ${POLICY}: key-length: 32 is taken as bytes: 256 bits`,
      "  keys, as set for a pair of proxy agents:",
      "    endpoints                  QKD  KEM  method",
      "    192.168.1.11 192.168.1.20  yes  -    xoring",
      "  being made anew:",
      "    rekey  phase            since",
      `    r-1    outbound  2 SAs  ${INSTANT}`,
      "  the host has told:",
      "    at                        what              of",
      `    ${INSTANT}  sadb-expire soft  ${SA}`,
      `    ${INSTANT}  sadb-bad-spi      SPI 7`,
      `    ${INSTANT}  sadb-acquire      ${POLICY}`,
      "  alarms:",
      "    alarm        subject                          count  last                      detail",
      `    not-deleted  ${SA}  6      ${INSTANT}  host away`,
    ]);
  });

  test("of one without entries; of one that is none, the one that was meant", async () => {
    says(`GET ${path("tn-1")}`, status("tn-1"));
    expect((await qkd("ipsec", "show", "tn-1")).out).toBe("tn-1: no entries\n  alarms: none");
    expect(JSON.parse((await qkd("ipsec", "show", "tn-1", "--json")).out)).toEqual(status("tn-1"));
    networkOf(["tn-1", A], ["tn-9", B, { remote: { url: "https://other.example" } }]);
    const { code, err } = await qkd("ipsec", "show", "tn-11");
    expect([code, err]).toEqual([
      1,
      'qkd: no node "tn-11" with an IPsec host. Did you mean "tn-1"?\n  (there are: tn-1, tn-9)',
    ]);
    expect((await qkd("ipsec", "show", "tn-9")).err).toContain("the IPsec host of tn-9 is not this deployment's");
    says("GET /api/v1/network", { message: "you may not do this" }, 403);
    expect((await qkd("ipsec", "show", "tn-9")).err).toContain('no node "tn-9" with an IPsec host.');
  });
});

describe("post", () => {
  test("a file as it is, and what became of each entry", async () => {
    const entries = [
      entry("spd", POLICY, "installed", { unchanged: true }),
      entry("sad", SA, "failed", { ...FAILED, warnings: ["x"] }),
      entry(null, null, "failed", { reason: "bad-entry", message: "neither" }),
    ];
    says(`POST ${path("tn-1")}`, batch(entries, { warnings: ["junk between entries"] }));
    const text = '{"spd-entry":{}}{"sad-entry":{}}';
    const posted = await qkd("ipsec", "post", "tn-1", file("entries.json", text));
    expect([posted.code, ...posted.out.split("\n")]).toEqual([
      1,
      "node       entry                            state",
      `tn-1  spd  ${POLICY}       installed  as it was`,
      `tn-1  sad  ${SA}  failed     host-refused: invalid-value: mode`,
      "tn-1  -    -                                failed     bad-entry: neither",
      "warning, tn-1: junk between entries",
      `warning, tn-1, ${SA}: x`,
    ]);
    expect(seen.at(-1)).toMatchObject({
      body: Buffer.from(text),
      headers: { prefer: "wait=35", "content-type": "application/json" },
    });
  });

  test("XML, told by its first sign; without waiting, what is queued is no error", async () => {
    says(`POST ${path("tn-1")}`, batch([entry("sad", SA, "queued", { spi: 1000 })], { done: false }));
    const name = file("entries.xml", "\n<sad-entry/>");
    const waited = await qkd("ipsec", "post", "tn-1", name, "--wait", "1");
    expect([waited.code, waited.err]).toEqual([1, "not all is done: `qkd ipsec show` tells how it goes on"]);
    const async = await qkd("ipsec", "post", "tn-1", name, "--wait", "0", "--json");
    expect([async.code, async.err]).toEqual([0, ""]);
    expect(JSON.parse(async.out)).toMatchObject({ nodes: [{ node: "tn-1", batch: "b-1", done: false }] });
    expect(seen.at(-1)?.headers).toMatchObject({ prefer: "wait=0", "content-type": "application/xml" });
  });

  test("what cannot be sent, or is refused as a whole", async () => {
    expect((await qkd("ipsec", "post", "tn-1", "none.json")).err).toContain("cannot read");
    expect((await qkd("ipsec", "post", "tn-1", file("large", " ".repeat(2 * 1024 * 1024 + 1)))).err).toContain(
      "entries of one call have at most 2097152",
    );
    expect((await qkd("ipsec", "post", "tn-1")).err).toContain("NODE FILE is missing");
    expect((await qkd("ipsec", "post", "tn-1", "f", "--wait", "61")).err).toContain("from 0 to 50");
    expect(seen).toEqual([]);
    says(`POST ${path("tn-1")}`, { message: "the body holds neither sad-entry nor spd-entry" }, 400);
    const refused = await qkd("ipsec", "post", "tn-1", file("empty.json", "{}"));
    expect(refused).toEqual({
      code: 1,
      out: "",
      err: "qkd: the body holds neither sad-entry nor spd-entry (400)",
    });
    networkOf(["tn-1", A]);
    expect((await qkd("ipsec", "post", "tn-2", "empty.json")).err).toContain('Did you mean "tn-1"?');
  });
});

describe("delete", () => {
  beforeEach(() => {
    const entries = [entry("sad", SA, "installed"), entry("spd", "both", "installed"), entry("sad", "both", "failed")];
    says(`GET ${path("tn-1")}`, status("tn-1", { entries }));
    says(`DELETE ${path("tn-1")}`, batch([entry("sad", SA, "deleted")]));
  });

  test("what has the name, policy and SA", async () => {
    const { code, out } = await qkd("ipsec", "delete", "tn-1", SA, "both");
    expect([code, out.split("\n")[1]]).toEqual([0, `tn-1  sad  ${SA}  deleted`]);
    expect(sent()).toEqual([
      { "sad-entry": { name: SA, reqid: 0 } },
      { "spd-entry": { name: "both", reqid: 0 } },
      { "sad-entry": { name: "both", reqid: 0 } },
    ]);
  });

  test("of the kind that is said, known or not", async () => {
    await qkd("ipsec", "delete", "tn-1", "gone", "--kind", "spd", "--reqid", "7");
    expect(sent()).toEqual([{ "spd-entry": { name: "gone", reqid: 7 } }]);
    expect(seen).toHaveLength(1);
  });

  test("a slip of the pen deletes nothing", async () => {
    const { code, err } = await qkd("ipsec", "delete", "tn-1", SA, `${SA}0`);
    expect(code).toBe(1);
    expect(err).toContain(`no entry "${SA}0" at tn-1. Did you mean "${SA}"?`);
    expect((await qkd("ipsec", "delete", "tn-1", SA, "--kind", "both")).err).toContain("--kind shall be sad or spd");
    expect((await qkd("ipsec", "delete", "tn-1", SA, "--reqid", "7")).err).toContain("--reqid goes with --kind");
    expect(seen.every(({ method }) => method === "GET")).toBe(true);
  });

  test("that the host refuses is an error", async () => {
    says(`DELETE ${path("tn-1")}`, batch([entry("sad", SA, "failed", { reason: "rekeying", message: "try again" })]));
    const { code, out } = await qkd("ipsec", "delete", "tn-1", SA);
    expect(code).toBe(1);
    expect(out).toContain("rekeying: try again");
  });
});

describe("rekey", () => {
  test("has begun", async () => {
    says(`POST ${path("tn-1", "rekey")}`, { rekey: "r-1" }, 202);
    expect(await qkd("ipsec", "rekey", "tn-1", SA)).toEqual({
      code: 0,
      out: "rekey r-1 is under way at tn-1",
      err: "",
    });
    expect(sent()).toEqual({ name: SA });
    expect((await qkd("ipsec", "rekey", "tn-1", SA, "--json")).out).toBe('{"rekey":"r-1"}');
  });

  test("of none there is, and where it cannot be done", async () => {
    says(`GET ${path("tn-1")}`, status("tn-1", { entries: [entry("sad", SA, "installed")] }));
    expect((await qkd("ipsec", "rekey", "tn-1", `${SA}1`)).err).toContain(`Did you mean "${SA}"?`);
    networkOf(["tn-1", A]);
    expect((await qkd("ipsec", "rekey", "tn-2", SA)).err).toContain('no node "tn-2" with an IPsec host');
    says(`POST ${path("tn-1", "rekey")}`, { message: "the SA is failed" }, 409);
    expect(await qkd("ipsec", "rekey", "tn-1", SA)).toMatchObject({ code: 1, err: "qkd: the SA is failed (409)" });
  });
});

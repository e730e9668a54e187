/** Whole commands against a small stand-in for the edge; the real one is met in test/e2e. */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Reply, useCliEdge } from "../test/support/cli-edge.ts";
import { clientCertificate } from "../test/support/client-certificate.ts";
import { listenLocally } from "../test/support/listen-locally.ts";

const { seen, replies, qkd, file, sent, like } = useCliEdge();

const ingested = (bytes: number): Reply => ({
  status: 201,
  json: { outcome: "ingested", bits: bytes * 8, health: {} },
});

const link = {
  link: "tn-1-tn-2",
  nodes: ["tn-1", "tn-2"],
  source: "push",
  feed: "one-ended",
  health_policy: "reject",
  key_rate_bps: 0,
  shards: 1,
};

const blockPut = (offset: number) => `PUT /api/v1/links/l-1/blocks/k.cor%3A${offset}`;
const ingestFile = () => qkd("ingest", "--link", "l-1", "--node", "tn-1", "k.cor");

describe("ingest", () => {
  test("puts every byte once, in blocks, with the token", async () => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 31) % 251);
    file("k.cor", bytes);
    replies[blockPut(0)] = [ingested(65_536)];
    replies[blockPut(65_536)] = [ingested(100_000 - 65_536)];
    const result = await ingestFile();
    expect(result.code).toBe(0);
    expect(result.out).toBe("k.cor: ingested 800,000 bits (2 blocks)");
    expect(Buffer.concat(seen.map(({ body }) => body)).equals(bytes)).toBe(true);
    for (const { headers, url } of seen) {
      expect(headers.authorization).toBe("Bearer a-token-of-the-tests");
      expect(headers["content-type"]).toBe("application/octet-stream");
      expect(url).toContain("?node=tn-1");
    }
  });

  test("draws a bar on a terminal, up to all of it", async () => {
    file("k.cor", new Uint8Array(100_000));
    replies[blockPut(0)] = [ingested(65_536)];
    replies[blockPut(65_536)] = [ingested(100_000 - 65_536)];
    const drawn: string[] = [];
    Object.assign(like, { live: true, redraw: (text: string) => void drawn.push(text) });
    expect((await ingestFile()).err).toBe("");
    expect(drawn.map((text) => /^k\.cor \[[#-]+\] +\d+% (\S+ \S+)\//.exec(text)?.[1])).toEqual([
      "64.0 KiB",
      "97.7 KiB",
    ]);
  });

  test("asks again after 503, 429", async () => {
    file("k.cor", "12345678");
    const later = { headers: { "retry-after": "0" }, json: { message: "the pool is full" } };
    replies[blockPut(0)] = [{ status: 503, ...later }, { status: 429, ...later }, ingested(8)];
    const result = await ingestFile();
    expect([result.code, seen.length]).toEqual([0, 3]);
    expect(result.err).toContain("the pool is full; asking again");
  });

  test("a conflict is told, the other blocks go on, exit 1", async () => {
    file("k.cor", new Uint8Array(65_537));
    replies[blockPut(0)] = [{ status: 409, json: { message: "known with other bytes" } }];
    replies[blockPut(65_536)] = [ingested(1)];
    const result = await ingestFile();
    expect(result.code).toBe(1);
    expect(result.out).toContain("k.cor:0 refused: known with other bytes");
  });

  test("stops at what cannot go on", async () => {
    file("k.cor", "12345678");
    replies[blockPut(0)] = [{ status: 401 }];
    const result = await ingestFile();
    expect([result.code, seen.length]).toEqual([1, 1]);
    expect(result.err).toContain("unauthorised (401)");
  });

  test("names the link that was meant", async () => {
    file("k.cor", "12345678");
    replies["GET /api/v1/links"] = [{ status: 200, json: { links: [link] } }];
    const result = await ingestFile();
    expect([result.code, result.err]).toEqual([1, 'qkd: no link "l-1".']);
    const near = await qkd("ingest", "--link", "tn-1-tn-3", "--node", "tn-1", "k.cor");
    expect(near.err).toContain('Did you mean "tn-1-tn-2"?');
  });

  test("files that would collide, are empty or missing are refused", async () => {
    file("empty.cor", "");
    expect((await qkd("ingest", "--link", "l", "--node", "n", "empty.cor")).err).toContain("is empty");
    expect((await qkd("ingest", "--link", "l", "--node", "n", "none.cor")).err).toContain("cannot read");
    expect((await qkd("ingest", "--link", "l", "--node", "n", "a/k", "b/k")).err).toContain("same name");
    expect((await qkd("ingest", "--node", "n", "k")).err).toContain("--link is required");
    expect(seen).toEqual([]);
  });
});

describe("network", () => {
  const document = { nodes: [], links: [], saes: [], operators: [] };
  const diff = {
    changes: [{ pointer: "/name", kind: "changed", id: "name" }],
    pending_keys: [],
    unused_material: [],
    drain_s: 60,
    complete: true,
  };

  test("apply: differences first, then PUT with the version they were against", async () => {
    file("n.json", JSON.stringify(document));
    replies["GET /api/v1/network"] = [{ status: 200, json: document, headers: { etag: '"7"' } }];
    replies["POST /api/v1/network/diff"] = [{ status: 200, json: diff }];
    replies["PUT /api/v1/network"] = [{ status: 200, json: { version: 8 } }];
    const result = await qkd("network", "apply", "n.json");
    expect(result).toMatchObject({ code: 0, err: "" });
    expect(result.out).toBe("changes to version 7:\n  ~ changed /name (name)\napplied as version 8");
    expect(seen.map(({ method }) => method)).toEqual(["GET", "POST", "PUT"]);
    expect(seen[2]?.headers["if-match"]).toBe('"7"');
  });

  test("apply: every fault with its pointer; nothing is put", async () => {
    file("n.json", JSON.stringify(document));
    replies["GET /api/v1/network"] = [{ status: 200, json: document, headers: { etag: '"7"' } }];
    const details = [{ pointer: "/links/0/nodes/1", message: "no node has the id x" }];
    replies["POST /api/v1/network/diff"] = [{ status: 400, json: { message: "1 fault", details } }];
    const result = await qkd("network", "apply", "n.json");
    expect(result.code).toBe(1);
    expect(result.err).toContain("  /links/0/nodes/1: no node has the id x");
    expect(seen.some(({ method }) => method === "PUT")).toBe(false);
  });

  test("validate needs no edge", async () => {
    file("bad.json", JSON.stringify({ ...document, nodes: [{ id: "a b" }] }));
    const result = await qkd("network", "validate", "bad.json");
    expect(result.code).toBe(1);
    expect(result.err).toContain("/nodes/0/id");
    const told = await qkd("network", "validate", "bad.json", "--json");
    const fault = expect.objectContaining({ pointer: "/nodes/0/id" }) as unknown;
    expect(JSON.parse(told.out)).toMatchObject({ valid: false, details: expect.arrayContaining([fault]) as unknown });
    file("not.json", "{");
    expect((await qkd("network", "validate", "not.json")).err).toContain("is not JSON");
    expect(seen).toEqual([]);
  });

  test("the documented example is valid", async () => {
    const documentation = readFileSync(join(import.meta.dirname, "../docs/network-document.md"), "utf8");
    file("example.json", /^```json\n([^]*?)^```$/m.exec(documentation)?.[1] ?? "");
    const result = await qkd("network", "validate", "example.json");
    expect(result).toEqual({ code: 0, out: "valid: 2 nodes, 1 link, 2 SAEs", err: "" });
  });

  test("diff, show, versions and schema change nothing", async () => {
    file("n.json", JSON.stringify(document));
    replies["GET /api/v1/network"] = [{ status: 200, json: document, headers: { etag: '"7"' } }];
    replies["POST /api/v1/network/diff"] = [{ status: 200, json: { ...diff, changes: [] } }];
    expect((await qkd("network", "diff", "n.json")).out).toBe("no change to version 7");
    expect(JSON.parse((await qkd("network", "show", "--version", "3")).out)).toEqual(document);
    expect(seen.at(-1)?.url).toBe("/api/v1/network?version=3");
    const version = { version: 7, at: "2026-01-01T00:00:00.000Z", by: "operator:operator" };
    replies["GET /api/v1/network/versions"] = [{ status: 200, json: { versions: [version] } }];
    expect((await qkd("network", "versions")).out).toMatch(/^version +at +by\n +7 +2026\S+ +operator:operator$/);
    replies["GET /api/v1/network/schema"] = [{ status: 200, json: { $schema: "a" } }];
    expect(JSON.parse((await qkd("network", "schema")).out)).toEqual({ $schema: "a" });
    expect(seen.every(({ method, url }) => method === "GET" || url.endsWith("/diff"))).toBe(true);
  });

  test("rollback restores by version", async () => {
    replies["POST /api/v1/network/restore"] = [{ status: 200, json: { version: 9 } }];
    const result = await qkd("network", "rollback", "3", "--if-match", "8");
    expect(result.out).toBe("version 3 restored as version 9");
    expect(seen[0]?.headers["if-match"]).toBe('"8"');
    expect(JSON.parse(seen[0]?.body.toString() ?? "")).toEqual({ version: 3 });
  });
});

describe("the rest", () => {
  describe("revoke", () => {
    const at = "2026-01-01T00:00:00.000Z";
    const token = "a-token-to-be-revoked";
    const sha256 = createHash("sha256").update(token).digest("hex");
    const document = {
      nodes: [{ id: "tn-1" }],
      links: [],
      saes: [
        {
          id: "sae-a",
          node: "tn-1",
          credentials: [
            { type: "token", sha256 },
            { type: "certificate", match: "cn", value: "sae-a" },
          ],
        },
      ],
      operators: [],
    };
    const revoked = (...argv: string[]) => {
      replies["GET /api/v1/network"] ??= [{ status: 200, json: document }];
      replies["POST /api/v1/revocations"] ??= [
        { status: 201, json: { kind: argv[0], value: "ab", reason: "", at, by: "operator:operator" } },
      ];
      return qkd("revoke", ...argv);
    };

    test("@file sends what the edge knows the token by, not the token, and names whose it was", async () => {
      file("t", `${token}\n`);
      const result = await revoked("token", "@t");
      expect(result).toEqual({ code: 0, err: "", out: "revoked token ab (of sae:sae-a)" });
      expect(sent()).toEqual({ kind: "token", value: sha256, reason: "", force: false });
      expect(seen.some(({ body }) => body.includes(token))).toBe(false);
    });

    test("a certificate file is matched by its names too, a fingerprint alone cannot be", async () => {
      file("a.crt", await clientCertificate("sae-a"));
      expect(await revoked("certificate", "@a.crt")).toMatchObject({ out: "revoked certificate ab (of sae:sae-a)" });
      const bare = await revoked("certificate", "AB:".repeat(31) + "AB");
      expect([bare.code, bare.err]).toEqual([
        0,
        expect.stringMatching(/^warning: .* no certificate by this fingerprint/),
      ]);
      expect(sent()).toMatchObject({ value: "ab".repeat(32) });
    });

    test.each([
      [
        ["principal", "sae:sae-b"],
        /^warning: nobody in the network document has this name\. Did you mean "sae:sae-a"\?/,
      ],
      [["token", "0".repeat(64)], /^warning: nobody in the network document has this token\. It stays revoked/],
    ])("%j: a slip is warned of, and revoked all the same", async (argv, warning) => {
      const result = await revoked(...argv);
      expect([result.code, result.err]).toEqual([0, expect.stringMatching(warning)]);
      expect(sent()).toMatchObject({ kind: argv[0], value: argv[1] });
    });

    test("a token itself is not sent, and the way to give it is told", async () => {
      const result = await revoked("token", "qkdk.html5.secret");
      expect([result.code, result.err]).toEqual([1, expect.stringContaining("@FILE")]);
      expect(result.err).not.toContain("secret");
      expect(seen).toEqual([]);
    });

    test("revocations lists them", async () => {
      const entry = { kind: "token", value: sha256, reason: "lost", at, by: "operator:operator" };
      replies["GET /api/v1/revocations"] = [{ status: 200, json: { revocations: [entry] } }];
      expect((await qkd("revocations")).out).toContain(`token  ${sha256}  operator:operator  lost`);
      expect(JSON.parse((await qkd("revocations", "--json")).out)).toEqual({ revocations: [entry] });
    });

    test.each([
      ["none yet", { status: 404, json: { message: "no network document yet" } }, ""],
      ["one of another version", { status: 200, json: { nodes: {} } }, "note: the edge's network document is not what"],
    ])("a network document that tells nothing, %s, keeps nobody from revoking", async (_what, reply, note) => {
      replies["GET /api/v1/network"] = [reply];
      const result = await revoked("principal", "sae:sae-a");
      expect(result).toMatchObject({ code: 0, out: "revoked principal ab", err: expect.stringContaining(note) });
      expect(sent()).toMatchObject({ kind: "principal", value: "sae:sae-a" });
    });

    test("--force goes along; who may not read the network revokes without a check", async () => {
      replies["GET /api/v1/network"] = [{ status: 403, json: { message: "you may not do this" } }];
      const result = await revoked("principal", "sae:sae-a", "--force");
      expect(result).toEqual({ code: 0, err: "", out: "revoked principal ab" });
      expect(sent()).toMatchObject({ force: true });
    });
  });

  test("status shows the ledger; an unknown link gets a suggestion", async () => {
    replies["GET /api/v1/links"] = [{ status: 200, json: { links: [link] } }];
    const pool = { level: "low", conserved: true, simulated: true, ledger_bits: { available: 8000, pending: 256 } };
    replies["GET /api/v1/links/tn-1-tn-2"] = [{ status: 200, json: { ...link, pool } }];
    const result = await qkd("status");
    expect(result.out).toMatch(/tn-1-tn-2 +tn-1 - tn-2 +push \+ simulated +low +8,000 +256 +0 +0 +yes/);
    expect((await qkd("status", "tn-1-tn-3")).err).toContain('Did you mean "tn-1-tn-2"?');
  });

  test("help, unknown commands", async () => {
    expect((await qkd("--help")).out).toContain("Exit codes");
    expect((await qkd("ingest", "--help")).out).toContain("--link <id>");
    expect((await qkd("network")).err).toContain("there are: network validate");
    expect((await qkd("audit", "verfiy")).err).toContain('Did you mean "audit verify"?');
    expect((await qkd("statsu")).err).toContain('Did you mean "status"?');
    const group = await qkd("network", "--help");
    expect([group.code, group.out]).toEqual([0, expect.stringContaining("network validate")]);
    expect(group.out).not.toContain("ingest files");
  });

  test("an edge that is not there is said at once, a connection that breaks is tried again", async () => {
    const idle = createServer();
    const free = await listenLocally(idle);
    idle.close();
    await once(idle, "close");
    const gone = await qkd("status", "--edge", `http://127.0.0.1:${free}`);
    expect(gone).toMatchObject({ code: 1, out: "" });
    expect(gone.err).toMatch(
      /^qkd: cannot reach http:\S+: nothing listens there \(connection refused\)\n {2}\(is it running\?/,
    );

    replies["GET /api/v1/links"] = [{ status: 0 }, { status: 200, json: { links: [] } }];
    const broken = await qkd("status");
    expect([broken.code, broken.err]).toEqual([0, expect.stringContaining("asking again")]);
  });
});

describe("epochs", () => {
  const [since, until] = ["2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"];
  const epochs = (more: object): Reply => ({
    status: 200,
    json: {
      epoch: 2,
      since,
      until,
      overdue: false,
      kept_in: "folder",
      keys: [2],
      removable: [],
      lagging_pools: 0,
      first_lagging: [],
      ...more,
    },
  });
  const lagging = epochs({ keys: [1, 2], lagging_pools: 1, first_lagging: ["tn-1|tn-2#0"] });

  test("tells what is in force, what holds the others back, and what is to be done by hand", async () => {
    replies["GET /api/v1/epochs"] = [
      lagging,
      epochs({ kept_in: "secrets", keys: [1, 2], removable: [1], overdue: true }),
    ];
    const first = `epoch 2, since ${since}, until ${until}; keys kept in`;
    expect((await qkd("epochs")).out.split("\n")).toEqual([
      `${first} the state folder`,
      "  still needed: the key of 1",
      "  lagging: 1 pool: tn-1|tn-2#0",
    ]);
    expect((await qkd("epochs")).out.split("\n")).toEqual([
      `${first} secrets`,
      "  overdue: set QKD_EPOCH_KEY_3 to begin the next",
      "  needed no more, to be removed: QKD_EPOCH_KEY_1",
    ]);
    expect((await qkd("epochs", "rol")).err).toContain('takes "roll" or nothing');
  });

  test("roll --wait ends when nothing is left for the old keys, or its patience does", async () => {
    replies["POST /api/v1/epochs/roll"] = [{ status: 200, json: { epoch: 2 } }];
    expect((await qkd("epochs", "roll")).out).toBe("epoch 2 has begun");
    replies["GET /api/v1/epochs"] = [lagging, epochs({ keys: [1, 2] }), epochs({})];
    expect(await qkd("epochs", "roll", "--wait")).toMatchObject({ code: 0, err: "" });
    expect(replies["GET /api/v1/epochs"]).toHaveLength(1);
    replies["GET /api/v1/epochs"] = [epochs({ kept_in: "secrets", keys: [1, 2], removable: [1] })];
    expect((await qkd("epochs", "roll", "--wait")).out).toContain("to be removed: QKD_EPOCH_KEY_1");
    replies["GET /api/v1/epochs"] = [lagging];
    const late = await qkd("epochs", "roll", "--wait", "--patience", "1");
    expect([late.code, late.err]).toEqual([1, expect.stringContaining("1 pool lagged after 1 s")]);
  });
});

/** `qkd audit tail|verify|export|keys` against a stand-in for the edge. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Checkpoint } from "../../shared/audit/checkpoint.ts";
import type { AuditRecord } from "../../shared/audit/event.ts";
import type { AuditItem } from "../../shared/audit/verify.ts";
import { checkpointsOf, logOf, newSigner, NODE, plain, recordsOf, SIGNER } from "../../test/support/audit-logs.ts";
import { useCliEdge } from "../../test/support/cli-edge.ts";
import { listedNode } from "../../test/support/cli-nodes.ts";

const { replies, qkd, file, folder, seen } = useCliEdge();

const served = ({ atMs, ...record }: AuditRecord) => ({ ...record, at: new Date(atMs).toISOString() });

interface Told {
  readonly start?: Checkpoint | null;
  readonly signed?: boolean;
  readonly keys?: readonly object[];
}

/** The edge has this log, in one page each. */
function has(items: readonly AuditItem[], { start = null, signed = true, keys = [SIGNER.key] }: Told = {}): void {
  const records = recordsOf(items);
  const checkpoints = checkpointsOf(items);
  const [head, checkpoint] = [records.at(-1), checkpoints.at(-1)];
  const state = {
    node: NODE,
    head: { index: head?.index ?? 0, hash: head?.hash ?? "" },
    start,
    checkpoint: checkpoint ?? null,
    signed,
  };
  const path = "/api/v1/audit";
  replies[`GET ${path}`] = [{ status: 200, json: { records: records.map(served), next: null } }];
  replies[`GET ${path}/checkpoints`] = [{ status: 200, json: { ...state, checkpoints, next: null } }];
  replies[`GET ${path}/keys`] = [{ status: 200, json: { node: NODE, keys } }];
  replies[`POST ${path}/checkpoints`] = [signed ? { status: 200, json: state } : { status: 409, json: {} }];
}

const LOG = logOf(plain(12), [4, 8]);
const verify = async (...more: string[]) => await qkd("audit", "verify", "--node", NODE, ...more);

describe("tail", () => {
  test("asks for the end alone, and prints a line each", async () => {
    has(LOG);
    const { code, out } = await qkd("audit", "tail", "--node", NODE, "--last", "3");
    expect(code).toBe(0);
    expect(seen.map(({ url }) => url).at(-1)).toContain(`node=${NODE}&after=9&`);
    expect(out.split("\n")[0]).toBe("1 1970-01-01T00:00:01.000Z keys.enc sae:a");
  });

  test("shows what somebody has written as one line, whatever it holds", async () => {
    has(
      logOf(
        [{ act: "alarm.acknowledged", seq: 1, detail: { note: "seen\n2 1970-01-01T00:00:00.000Z keys.enc sae:b" } }],
        [],
      ),
    );
    const { out, err } = await qkd("audit", "tail", "--node", NODE);
    expect(err).toBe("");
    expect(out.split("\n")).toEqual([expect.stringContaining("note=seen 2 1970")]);
  });

  test("follows what comes, until the edge ends it", async () => {
    has(LOG);
    const page = (n: number) => ({
      status: 200,
      json: {
        records: recordsOf(LOG)
          .slice(n, n + 1)
          .map(served),
        next: null,
      },
    });
    replies["GET /api/v1/audit"] = [page(10), page(11), { status: 403, json: { message: "no more" } }];
    const { code, out } = await qkd("audit", "--follow", "--json", "--after", "10");
    expect([code, out.split("\n").map((line) => (JSON.parse(line) as AuditRecord).index)]).toEqual([1, [11, 12]]);
  });
});

describe("verify", () => {
  test("says how much holds together and how much is signed", async () => {
    has(LOG);
    const { code, out } = await verify();
    expect([code, out]).toEqual([
      0,
      "tn-1: 12 records up to 12 and 2 checkpoints hold together; 4 records not signed yet; signed by keys that nobody vouched for",
    ]);
    expect(JSON.parse((await verify("--json")).out)).toMatchObject({
      node: NODE,
      ok: true,
      signed_index: 8,
      flaw: null,
    });
  });

  test("speaks of whose signatures these are only where there is one", async () => {
    has(logOf(plain(3), []));
    expect((await verify()).out).toBe(
      "tn-1: 3 records up to 3 and 0 checkpoints hold together; 3 records not signed yet",
    );
  });

  test.each<[string, (items: AuditItem[]) => AuditItem[], string]>([
    [
      "a change",
      (items) => items.map((item) => ("record" in item ? { record: { ...item.record, who: "x" } } : item)),
      "changed",
    ],
    ["a removal", (items) => items.toSpliced(2, 1), "missing"],
    ["another order", (items) => items.toSpliced(1, 2, items[2]!, items[1]!), "missing"],
    ["an end that is gone", (items) => items.slice(0, -2), "truncated"],
  ])("finds %s, with an exit code of its own", async (_, tamper, kind) => {
    has(LOG);
    const { json } = replies["GET /api/v1/audit"]![0]! as { json: { records: object[] } };
    json.records = recordsOf(tamper([...LOG])).map(served);
    const { code, out } = await verify();
    expect([code, out]).toEqual([3, expect.stringContaining(`(${kind})`)]);
  });

  test("of every log, where none is named", async () => {
    has(LOG);
    replies["GET /api/v1/nodes"] = [
      {
        status: 200,
        json: { nodes: [listedNode(NODE, {}), listedNode("tn-9", { hosted: false, url: "https://b.example" })] },
      },
    ];
    const { code, out } = await qkd("audit", "verify", "--all");
    // The stand-in has one log for all: that of tn-1.
    expect(code).toBe(3);
    expect(out).toContain("deployment: NOT as it was");
    expect(out).toContain("tn-1: 12 records");
    expect(out).not.toContain("tn-9");
  });

  test("by pins: kept at first, and from then on the log has to go together with them", async () => {
    has(LOG);
    expect((await verify("--pin", "pins.json")).code).toBe(0);
    const pins = join(folder(), "pins.json");
    expect(statSync(pins).mode & 0o777).toBe(0o600);
    const kept = readFileSync(pins, "utf8");
    expect(JSON.parse(kept)).toMatchObject({ logs: { [NODE]: { keys: [SIGNER.key], checkpoint: { number: 2 } } } });
    has(logOf(plain(14), [4, 8, 14]));
    expect((await verify("--pin", "pins.json")).out).toBe("tn-1: 14 records up to 14 and 3 checkpoints hold together");
    has(LOG);
    expect((await verify("--pin", "pins.json")).out).toContain("(truncated)");
    const other = newSigner();
    has(logOf(plain(14), [4, 8, 14], 3, other), { keys: [other.key] });
    expect((await verify("--pin", "pins.json")).out).toContain("(unknown-key)");
    expect(readFileSync(pins, "utf8")).not.toBe(kept);
    expect(JSON.parse(readFileSync(pins, "utf8"))).toMatchObject({ logs: { [NODE]: { checkpoint: { number: 3 } } } });
  });

  test("by keys from elsewhere", async () => {
    has(LOG);
    const { out } = await qkd("audit", "keys", "--node", NODE);
    file("keys.json", out);
    expect((await verify("--keys", "keys.json")).out).not.toContain("vouched");
    const other = newSigner();
    has(logOf(plain(12), [4, 8], 3, other), { keys: [other.key] });
    expect((await verify("--keys", "keys.json")).code).toBe(3);
    file("keys.json", "{}");
    expect((await verify("--keys", "keys.json")).err).toContain("qkd_audit_pins");
  });

  test("tells what the log itself notes; with --strict that counts", async () => {
    has(logOf([...plain(2), { act: "audit.gap", seq: 5, detail: { fromSeq: 3, toSeq: 5 } }], [3]));
    const { code, out } = await verify();
    expect([code, out.split("\n")[1]]).toEqual([0, "  it notes itself: record 3 audit.gap pool fromSeq=3 toSeq=5"]);
    expect((await verify("--strict")).code).toBe(3);
  });

  test("says where nothing is signed", async () => {
    has(logOf(plain(3), []), { signed: false, keys: [] });
    expect((await verify()).out).toContain("no identity: nothing of it is signed");
  });
});

const write = async (...more: string[]) => await qkd("audit", "export", "--node", NODE, "--out", "log.jsonl", ...more);

describe("export", () => {
  const ALL_SIGNED = logOf(plain(12), [4, 8, 12]);

  test("has a checkpoint made, and verifies by itself; no byte of it can be changed", async () => {
    has(ALL_SIGNED);
    const { code, out } = await write();
    expect([code, out]).toEqual([0, expect.stringMatching(/log\.jsonl: 12 records up to 12, 3 checkpoints$/)]);
    expect(seen.some(({ method, url }) => method === "POST" && url.startsWith("/api/v1/audit/checkpoints?"))).toBe(
      true,
    );
    expect((await qkd("audit", "verify", "--file", "log.jsonl")).code).toBe(0);
    const lines = readFileSync(join(folder(), "log.jsonl"), "utf8").split("\n");
    for (const [number, changed] of [
      lines.with(3, lines[3]!.replace("sae:a", "sae:b")),
      lines.toSpliced(3, 1),
      lines.toSpliced(-2, 1),
      lines.toSpliced(-3, 1),
      lines.with(3, `${lines[3]} `),
      [...lines, lines[3]!],
    ].entries()) {
      file("changed.jsonl", changed.join("\n"));
      expect([number, (await qkd("audit", "verify", "--file", "changed.jsonl")).code]).toEqual([number, 3]);
    }
  });

  test("that came in part is said to end too early, and not to have been changed", async () => {
    has(ALL_SIGNED);
    await write();
    const lines = readFileSync(join(folder(), "log.jsonl"), "utf8").split("\n");
    for (const count of [2, 3, 4, 5, 6]) {
      file("part.jsonl", `${lines.slice(0, count).join("\n")}\n`);
      const { code, out } = await qkd("audit", "verify", "--file", "part.jsonl");
      expect([count, code, out]).toEqual([
        count,
        3,
        expect.stringContaining(`(truncated): the file ends with line ${count},`),
      ]);
    }
  });

  test("of what came after a checkpoint", async () => {
    has(ALL_SIGNED);
    const rest = ALL_SIGNED.slice(ALL_SIGNED.findIndex((item) => "checkpoint" in item) + 1);
    replies["GET /api/v1/audit"] = [{ status: 200, json: { records: recordsOf(rest).map(served), next: null } }];
    const { checkpoints, ...state } = replies["GET /api/v1/audit/checkpoints"]![0]!.json as { checkpoints: object[] };
    const page = (some: object[]) => ({ status: 200, json: { ...state, checkpoints: some } });
    replies["GET /api/v1/audit/checkpoints"] = [page(checkpoints), page(checkpoints.slice(1))];
    expect((await write("--after", "4", "--json")).out).toContain('"records":8,"checkpoints":2,"last_index":12');
    const { code, out } = await qkd("audit", "verify", "--file", "log.jsonl");
    expect([code, out]).toEqual([0, expect.stringContaining("what came up to record 4 is not in it")]);
    const told = JSON.parse((await qkd("audit", "verify", "--json", "--file", "log.jsonl")).out) as object;
    expect(told).toMatchObject({ ok: true, first_index: 5, last_index: 12 });
  });

  test("writes over no file, and refuses what no checkpoint ends with", async () => {
    has(ALL_SIGNED);
    file("log.jsonl", "mine");
    expect((await write()).code).toBe(1);
    expect(readFileSync(join(folder(), "log.jsonl"), "utf8")).toBe("mine");
    expect((await qkd("audit", "export", "--node", NODE, "--out", "new.jsonl", "--after", "5")).err).toContain(
      "the one before covers records up to 4",
    );
    expect(existsSync(join(folder(), "new.jsonl"))).toBe(false);
    file("log.jsonl", "");
    expect((await qkd("audit", "verify", "--file", "log.jsonl")).err).toContain("header of an export");
  });

  test("says where nothing is signed", async () => {
    has(logOf(plain(3), []), { signed: false, keys: [] });
    expect((await write()).out).toContain("not signed");
    expect((await qkd("audit", "verify", "--file", "log.jsonl")).out).toContain("nothing of it is signed");
  });
});

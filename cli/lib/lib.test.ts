import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { parseETag } from "./api.ts";
import { Args, parseCommandArgs, parseWholeNumber } from "./args.ts";
import { blockPath, cutBlocks } from "../../shared/blocks.ts";
import { describeFaults } from "./faults.ts";
import { failureInWords } from "./health-words.ts";
import { readOutcome, Tally } from "./ingest-tally.ts";
import { describeDiff } from "./network-diff.ts";
import { isBrokenConnection, parseRetryAfter, RETRY, retryDelayMs } from "../../shared/retry.ts";
import { checkEdge, readTokenFile, resolveSettings } from "./settings.ts";
import { editDistance, nearest } from "./suggest.ts";
import { printable } from "./terminal.ts";
import { BYTES, renderProgress } from "./progress.ts";
import { formatBytes, renderTable } from "./text.ts";

const folder = mkdtempSync(join(tmpdir(), "qkd-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, content: unknown): string => {
  const file = join(folder, name);
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
};
const resolve = (values: Record<string, string>, env: Record<string, string> = {}) =>
  resolveSettings(new Args({ state: folder, ...values }, []), { env, cwd: "/" });
const bar = (done: number) =>
  renderProgress({ label: "k", done, total: 1000, elapsedMs: 0, measure: BYTES }, 120).split("#").length - 1;

test("a terminal is shown no commands to it, whoever wrote them; a file gets the text as it is", () => {
  const text = "a\tsite\u001b]0;x\u0007 ü\u009b31m\r\n";
  expect(printable(text, { isTTY: true })).toBe("a\tsite\uFFFD]0;x\uFFFD ü\uFFFD31m\uFFFD\n");
  expect(printable(text, {})).toBe(text);
});

describe("blocks", () => {
  test("cover a file once, in order, all full but the last", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20 * LIMITS.fileBlockBytes }), (totalBytes) => {
        const blocks = [...cutBlocks("keys.cor", totalBytes)];
        let next = 0;
        for (const [index, block] of blocks.entries()) {
          expect(block.offset).toBe(next);
          expect(block.id).toBe(`keys.cor:${next}`);
          expect(block.sizeBytes).toBeGreaterThan(0);
          if (index < blocks.length - 1) expect(block.sizeBytes).toBe(LIMITS.fileBlockBytes);
          next += block.sizeBytes;
        }
        expect(next).toBe(totalBytes);
      }),
    );
  });

  test("any file name survives the URL, as one path segment", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "grapheme" }), (name) => {
        const url = new URL(blockPath("l-1", `${name}:65536`, "tn-1"), "http://edge");
        const segments = url.pathname.split("/");
        expect(segments).toHaveLength(7);
        expect(decodeURIComponent(segments[6] ?? "")).toBe(`${name}:65536`);
        expect(url.searchParams.get("node")).toBe("tn-1");
      }),
    );
  });
});

describe("arguments", () => {
  const options = {
    link: { type: "string", value: "<id>", help: "" },
    json: { type: "boolean", help: "" },
  } as const;
  const files = { name: "FILE...", min: 1, max: 2 };

  test("options and positionals in any order", () => {
    const args = parseCommandArgs(["a", "--link", "l-1", "b", "--json"], options, files);
    expect(args.positionals).toEqual(["a", "b"]);
    expect(args.required("link")).toBe("l-1");
    expect(args.flag("json")).toBe(true);
  });

  test.each([
    [["a", "--lnik", "x"], /unknown option "--lnik"\. Did you mean "link"\?/],
    [["a", "-x"], /unknown option "-x"/],
    [["a", "--link"], /link/],
    [["a", "--link", "-1"], /^--link takes no value that begins with "-"$/],
    [[], /FILE\.\.\. is missing/],
    [["a", "b", "c"], /unexpected argument "c"/],
  ])("%j is refused", (argv, message) => {
    expect(() => parseCommandArgs(argv, options, files)).toThrow(message);
  });

  test("what is required is asked for; numbers are bounded", () => {
    expect(() => new Args({}, []).required("link")).toThrow("--link is required");
    expect(parseWholeNumber("--n", "7", 1, 9)).toBe(7);
    for (const text of ["0", "10", "-1", "1.5", "", "seven", "0x7", " 7"]) {
      expect(() => parseWholeNumber("--n", text, 1, 9)).toThrow("--n must be a whole number from 1 to 9");
    }
  });
});

describe("settings", () => {
  const token = "operator-token-0123456789";

  test("a running demo is found by itself, and its token goes nowhere else", () => {
    write("ports.json", { edge: "http://127.0.0.1:8787" });
    write("tokens.json", { operator: token, "sae-a": "sae-token-0123456789" });
    expect(resolve({})).toEqual({ edge: "http://127.0.0.1:8787", token, tls: null });
    expect(resolve({ as: "sae-a" }).token).toBe("sae-token-0123456789");
    expect(resolve({ edge: "http://127.0.0.1:8787/" }).token).toBe(token);
    expect(resolve({ edge: "https://kms.example.org" }).token).toBeNull();
    expect(resolve({}, { QKD_EDGE: "https://kms.example.org" }).token).toBeNull();
  });

  test("options win over the environment, that over the state folder", () => {
    const file = write("bare.token", "from-the-file-0123456789\n");
    const env = { QKD_EDGE: "https://env.example", QKD_TOKEN: "from-the-env-0123456789" };
    expect(resolve({}, env)).toEqual({ edge: "https://env.example", token: env.QKD_TOKEN, tls: null });
    const named = resolve({ edge: "https://option.example", "token-file": file }, env);
    expect(named).toEqual({ edge: "https://option.example", token: "from-the-file-0123456789", tls: null });
  });

  test("what cannot work is said", () => {
    expect(() => checkEdge("kms.example.org")).toThrow("is not a URL");
    expect(() => checkEdge("http://kms.example.org")).toThrow("clear text");
    expect(() => checkEdge("ftp://127.0.0.1")).toThrow("clear text");
    expect(() => readTokenFile(write("t.json", { operator: token }), "opertor")).toThrow('Did you mean "operator"?');
    expect(() => readTokenFile(write("empty", ""), "operator")).toThrow("does not hold a bearer token");
    expect(() => readTokenFile(join(folder, "none"), "operator")).toThrow("cannot read");
    expect(() => resolveSettings(new Args({ state: "/nowhere" }, []), { env: {}, cwd: "/" })).toThrow("no edge");
  });
});

const failing = (code: string) => Object.assign(new Error(code), { code });

describe("retries", () => {
  test("are never later than the bound, never sooner than asked", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.option(fc.integer({ min: 0, max: 1000 })),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, askedSeconds, random) => {
          const delayMs = retryDelayMs(attempt, askedSeconds, random);
          expect(delayMs).toBeLessThanOrEqual(RETRY.maxDelayMs);
          expect(delayMs).toBeGreaterThanOrEqual(Math.min(RETRY.maxDelayMs, (askedSeconds ?? 0) * 1000));
          expect(delayMs).toBeGreaterThan(0);
        },
      ),
    );
  });

  test("are for connections that broke, not for those that could not be made", () => {
    expect(["ECONNRESET", "UND_ERR_SOCKET"].map((code) => isBrokenConnection(failing(code)))).toEqual([true, true]);
    expect([failing("ECONNREFUSED"), failing("ENOTFOUND"), new Error("x")].some(isBrokenConnection)).toBe(false);
  });

  test("headers", () => {
    expect([parseRetryAfter("5"), parseRetryAfter("soon"), parseRetryAfter(null)]).toEqual([5, null, null]);
    expect([parseETag('"7"'), parseETag('W/"8"'), parseETag("7"), parseETag(null)]).toEqual([7, 8, null, null]);
  });
});

describe("what is printed", () => {
  test("a progress bar never exceeds its columns and never runs backwards", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 300 }),
        fc.nat(2 ** 40),
        fc.nat(2 ** 40),
        fc.integer({ min: 20, max: 300 }),
        (label, done, total, columns) => {
          const draw = (amount: number) =>
            renderProgress({ label, done: amount, total, elapsedMs: 1000, measure: BYTES }, columns);
          expect(draw(done).length).toBeLessThanOrEqual(columns);
          expect(draw(total).length).toBeLessThanOrEqual(columns);
        },
      ),
    );
    expect([bar(0), bar(500), bar(1000)]).toEqual([0, 20, 40]);
  });

  test("sizes and tables", () => {
    expect([formatBytes(0), formatBytes(1023), formatBytes(204_800)]).toEqual(["0 B", "1023 B", "200.0 KiB"]);
    expect(renderTable(["id", "bits"], [["a", "5"]], new Set(["bits"]))).toEqual(["id  bits", "a      5"]);
  });

  test("suggestions are near, or none", () => {
    expect(editDistance("kitten", "sitting")).toBe(3);
    expect(nearest("ingst", ["ingest", "status"])).toBe("ingest");
    expect(nearest("frobnicate", ["ingest", "status"])).toBeNull();
  });

  test("faults by their pointers, other details by their names", () => {
    expect(
      describeFaults([{ pointer: "/links/0", message: "bad" }, { pointer: "", message: "all" }, { n: 1 }]),
    ).toEqual(["  /links/0: bad", "  (document): all", "  n: 1"]);
  });

  test("a diff tells how many keys would be voided, and when", () => {
    const lines = describeDiff(
      {
        changes: [{ pointer: "/saes/1", kind: "removed", id: "sae-c" }],
        pending_keys: [
          { kind: "sae", id: "sae-c", keys: 3 },
          { kind: "link", id: "l", keys: 0 },
        ],
        unused_material: [{ link: "l", available_bits: 8_388_608 }],
        drain_s: 60,
        complete: false,
      },
      4,
    );
    expect(lines).toEqual([
      "changes to version 4:",
      "  - removed /saes/1 (sae-c)",
      "  3 keys of sae sae-c would be voided after 60 s",
      "  8,388,608 bits of unused key material of link l would be lost after 60 s",
      "  not every pool could be asked: there may be more to lose",
    ]);
  });
});

describe("ingest tally", () => {
  const health = { failures: [{ test: "ones-count", value: 231_731, bound: 260_262 }] };
  const outcome = (name: string, reason?: string) => readOutcome({ outcome: name, bits: 524_288, reason, health });
  const sound = readOutcome({ outcome: "ingested", bits: 524_288, health: { failures: [] } });

  test("everything taken in or known: 0", () => {
    const tally = new Tally("f");
    tally.add("f:0", sound);
    tally.add("f:65536", outcome("already-ingested"));
    expect(tally.exitCode()).toBe(0);
    expect(tally.describe()).toEqual(["f: ingested 524,288 bits (1 block), already-ingested 524,288 bits (1 block)"]);
    expect(tally.remains()).toEqual([]);
  });

  test("quarantined: 2, with the failing test and its figures", () => {
    const tally = new Tally("f");
    tally.add("f:0", outcome("quarantined", "health"));
    expect(tally.exitCode()).toBe(2);
    expect(tally.describe()[1]).toBe("  f:0 quarantined: health: 44.2 % ones of 524,288 bits (allowed 49.6 to 50.4 %)");
  });

  test("taken in though a test failed: 0, and said", () => {
    const tally = new Tally("f");
    tally.add("f:0", outcome("ingested"));
    tally.add("f:65536", outcome("unmatched"));
    tally.add("f:131072", outcome("already-ingested"));
    expect([tally.exitCode(), tally.toJson()["failedButAccepted"]]).toEqual([0, 2]);
    expect(tally.remains()).toEqual([expect.stringContaining("wait for the same file from the link's other end")]);
    expect(tally.describe()[1]).toBe(
      "  2 blocks failed a health test, accepted by the link's policy; f:0: 44.2 % ones of 524,288 bits (allowed 49.6 to 50.4 %)",
    );
  });

  test.each([
    ["ones-count", 264_100, 264_026, "50.37 % ones of 524,288 bits (allowed 49.64 to 50.36 %)"],
    ["repetition-count", 45, 41, "a run of 45 equal bits (allowed at most 40)"],
    ["min-entropy", 0.824_36, 0.9, "0.8244 bits of min-entropy estimated a bit (at least 0.9)"],
    ["adaptive-proportion", 634, 625, "634 equal bits in a window of 1,024 (allowed at most 624)"],
  ] as const)("%s in words", (name, value, bound, words) => {
    expect(failureInWords({ test: name, value, bound }, 524_288)).toBe(words);
  });

  test("a conflict is an error whatever else happened, also in a sum", () => {
    const [one, sum] = [new Tally("f"), new Tally("all")];
    one.add("f:0", outcome("quarantined", "duplicate-material"));
    one.conflict("f:65536", "known with other bytes");
    sum.merge(one);
    expect(sum.exitCode()).toBe(1);
    expect(sum.describe().at(-1)).toBe("  f:65536 refused: known with other bytes");
  });

  test("an answer of another shape is refused", () => {
    for (const answer of [null, [], {}, { outcome: "eaten", bits: 1 }, { outcome: "ingested" }]) {
      expect(() => readOutcome(answer)).toThrow("not an ingest outcome");
    }
  });
});

import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import type { Errand, ErrandLine, Operation } from "../../../shared/ipsec/errand.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { createSad, GCM_256_BYTES, spdEntry } from "../../../test/support/ipsec-hosts.ts";
import { Lines as LogLines } from "../../../test/support/tunnel-agent.ts";
import { answerErrands } from "./errand-http.ts";
import { Errands } from "./errands.ts";
import { readErrand } from "./read-errand.ts";

const WISH = {
  source: "hybrid://SPI_7@aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa?hybridization=qkdedge-hkdf-v1",
  destination: "hybrid://SPI_7@bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb?hybridization=qkdedge-hkdf-v1",
  keyBytes: GCM_256_BYTES,
  chunkBytes: GCM_256_BYTES,
  waitMs: 1000,
};
const OPERATIONS: readonly Operation[] = [
  { do: "create-spd", entry: spdEntry("p") },
  createSad(7, WISH),
  { ...createSad(8, WISH), do: "hold" } as Operation,
  { do: "install", name: "n" },
  { do: "forget", name: "n" },
  { do: "delete", kind: "spd", name: "n", reqid: "1" },
];
const errandOf = (more: Partial<Errand> = {}): Errand => ({
  id: randomUUID(),
  node: "tn-1",
  again: false,
  operations: OPERATIONS,
  ...more,
});
const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

type Tell = (line: ErrandLine) => void;

/** A host that does what the test says. */
function errands() {
  const begun: { readonly operations: readonly Operation[]; readonly tell: Tell; readonly end: () => void }[] = [];
  const log = new LogLines();
  const all = new Errands({
    hosts: new Map([
      [
        "tn-1",
        {
          do: (operations: readonly Operation[], tell: Tell) =>
            new Promise<void>((end) => begun.push({ operations, tell, end })),
        },
      ],
    ]),
    log: log.log,
  });
  const post = (errand: unknown) => answerErrands(all)({ method: "POST", target: "/errands", body: bytesOf(errand) });
  return { begun, log, post };
}

async function textOf(answer: { readonly body: AsyncIterable<string> | Iterable<string> }): Promise<string> {
  let text = "";
  for await (const piece of answer.body) text += piece;
  return text;
}

test("each thing that is done is told when it is done, and again to who asks again", async () => {
  const { begun, post, log } = errands();
  const errand = errandOf();
  const first = post(errand);
  expect(first).toMatchObject({ status: 200, contentType: "application/x-ndjson" });
  const pieces = (first.body as AsyncIterable<string>)[Symbol.asyncIterator]();
  expect(begun[0]?.operations).toEqual(OPERATIONS);
  begun[0]?.tell({ index: 5, result: { ok: true } });
  expect((await pieces.next()).value).toBe('{"index":5,"result":{"ok":true}}\n');
  const second = post({ ...errand, again: true });
  begun[0]?.tell({ index: 1, result: { ok: false, reason: "peer-not-come", message: "words" } });
  begun[0]?.end();
  const [, ...rest] = (await textOf(second)).split("\n");
  expect(rest).toEqual([
    '{"index":1,"result":{"ok":false,"reason":"peer-not-come","message":"words"}}',
    '{"end":"done"}',
    "",
  ]);
  expect(await textOf(post(errand))).toBe(await textOf(post({ ...errand, again: true })));
  expect(begun).toHaveLength(1);
  expect(log.count("peer-not-come")).toBe(1);
});

test("what is asked for again and is not known is not done", async () => {
  const { begun, post } = errands();
  expect(await textOf(post(errandOf({ again: true })))).toBe('{"end":"unknown"}\n');
  expect(begun).toHaveLength(0);
});

test("so many at once, and so many remembered", async () => {
  const { begun, post } = errands();
  const many = Array.from({ length: LIMITS.ipsecErrandsAtOnce }, () => errandOf({ operations: [] }));
  const answers = many.map((errand) => post(errand));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(post(errandOf()).status).toBe(503);
  for (const { end } of begun) end();
  for (const answer of answers) await textOf(answer);
  const more = Array.from({ length: LIMITS.ipsecErrandsKept }, () => errandOf({ operations: [] }));
  for (const errand of more) {
    const answer = post(errand);
    begun.at(-1)?.end();
    await textOf(answer);
  }
  // The newest is not over when it comes.
  post(errandOf());
  expect(await textOf(post({ ...many.at(-1), again: true }))).toBe('{"end":"unknown"}\n');
  expect(await textOf(post({ ...more.at(0), again: true }))).toBe('{"end":"done"}\n');
});

test("of other nodes, other paths and other ids nothing is done", async () => {
  const { begun, post } = errands();
  expect(post(errandOf({ node: "tn-9" })).status).toBe(404);
  const errand = errandOf();
  post(errand);
  expect(post({ ...errand, node: "tn-2" }).status).toBe(409);
  const answer = answerErrands(new Errands({ hosts: new Map(), log: () => undefined }));
  expect(answer({ method: "GET", target: "/errands", body: new Uint8Array() }).status).toBe(405);
  expect(answer({ method: "POST", target: "/", body: new Uint8Array() }).status).toBe(404);
  expect(begun).toHaveLength(1);
});

const [, sad] = OPERATIONS;
test.each([
  ["no JSON", Buffer.from("{"), "the errand is no JSON"],
  ["no UTF-8", Buffer.from([0xff]), "the errand is no JSON"],
  ["no errand", bytesOf([]), "is not of an errand"],
  ["another operation", bytesOf(errandOf({ operations: [{ do: "dance" } as never] })), "operations.0.do"],
  ["a wish without an end", bytesOf(errandOf({ operations: [{ ...sad, key: {} } as never] })), "operations.0.key"],
  [
    "an entry with a leaf that is none",
    bytesOf(errandOf({ operations: [{ do: "create-spd", entry: { ...spdEntry("p"), colour: "red" } } as never] })),
    "spd-entry[p]/colour",
  ],
  [
    "too many operations",
    bytesOf(
      errandOf({
        operations: Array.from({ length: LIMITS.ipsecOperations + 1 }, () => ({ do: "forget", name: "n" }) as const),
      }),
    ),
    "operations",
  ],
])("%s is refused, and said where", (_, body, where) => {
  const read = readErrand(body);
  expect(read.ok ? null : read.error).toContain(where);
});

test("what is read is what was written", () => {
  const errand = errandOf();
  expect(readErrand(bytesOf(errand))).toEqual({ ok: true, value: errand });
});

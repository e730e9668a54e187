import * as fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { OPERATION_IDS, OPERATIONS } from "../shared/api/contract.ts";
import { call, container, post, setUp } from "../test/support/in-workerd-network.ts";

beforeAll(async () => await setUp());

const anyId = fc.oneof(
  fc.constantFrom("sae-a", "sae-b", "sae-d", "n1-n2", "..", "%2e%2e", "a%2Fb", "%00", "%", "%25", "a:b", "é"),
  fc.string({ unit: "binary" }).map((text) => encodeURIComponent(text.toWellFormed())),
);
/** A path of the contract with anything for its parameters, or anything at all. */
const path = fc.oneof(
  fc
    .tuple(fc.constantFrom(...OPERATION_IDS), fc.array(anyId, { minLength: 2, maxLength: 2 }))
    .map(([id, ids]) => OPERATIONS[id].path.replaceAll(/\{[^}]+\}/g, () => ids.shift() ?? "x")),
  fc.webPath(),
);
const query = fc.oneof(
  fc.constant(""),
  fc.webQueryParameters().map((text) => `?${text}`),
  fc.constantFrom("?number=1e9", "?size=-8", "?key_ID=x", "?version=-1", "?node=n1", "?limit=0"),
);
const body = fc.oneof(
  fc.constant(undefined),
  fc.json(),
  fc.uint8Array({ maxLength: 256 }).map((bytes) => Uint8Array.from(bytes)),
  fc
    .record(
      {
        number: fc.jsonValue(),
        size: fc.jsonValue(),
        key_IDs: fc.jsonValue(),
        destination: fc.oneof(fc.constantFrom("sae-b", "qkd://n2", "nobody"), fc.jsonValue()),
        QOS: fc.jsonValue(),
        index: fc.jsonValue(),
        version: fc.jsonValue(),
        bytes: fc.integer({ max: 4096 }),
      },
      { requiredKeys: [] },
    )
    .map((members) => JSON.stringify(members)),
  // Nearly what clients of qkd-module 0.9 send.
  fc
    .array(fc.constantFrom("'sae-b'", "None", "-1", "{'timeout': 9, 'length': 64}", "b'\\xff'", "[", "__class__"))
    .map((items) => `[${items.join(", ")}]`),
);
/** Their errors are literals, too. */
const LITERALS: ReadonlySet<string> = new Set(
  OPERATION_IDS.filter((id) => id.startsWith("literal")).map((id) => OPERATIONS[id].path),
);
/** Paths whose errors are of another protocol than ETSI 014, and the member of those that is always there. */
const TOLD_IN: ReadonlyMap<string, string> = new Map(
  OPERATION_IDS.flatMap((id) => {
    const { path: at, faults } = OPERATIONS[id];
    return faults === undefined ? [] : [[at, faults === "problem" ? "title" : "error"] as const];
  }),
);
const headers = fc.dictionary(
  fc.constantFrom(
    "If-Match",
    "Idempotency-Key",
    "Content-Type",
    "Client-Cert",
    "QKD-Node",
    "QKD-SAE",
    "Origin",
    "X-Forwarded-For",
    "Cookie",
  ),
  fc.string({ unit: fc.constantFrom(...'azAZ09"*:;=, /%'.split("")), maxLength: 40 }),
  { maxKeys: 3 },
);

test(
  "any request gets an answer, never a 500, and nothing that is no refusal leaks out of order",
  { timeout: 60_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"),
        path,
        query,
        body,
        headers,
        fc.constantFrom("sae-a", "sae-b", "op", "agent-1", "stranger", null),
        async (method, at, asked, sent, more, as) => {
          const withBody = sent === undefined || method === "GET" || method === "HEAD" ? {} : { body: sent };
          const response = await call(`${at}${asked}`, { as, method, headers: more, ...withBody });
          const text = await response.text();
          if (response.status >= 500) expect(response.status).toBe(503);
          const toldIn = TOLD_IN.get(at) ?? "message";
          if (response.status === 401 && toldIn !== "error") expect(text).toBe("");
          else if (response.status >= 400 && LITERALS.has(at)) expect(text === "").toBe(method === "HEAD");
          else if (response.status >= 400 && method !== "HEAD")
            expect(JSON.parse(text)).toMatchObject({
              [toldIn]: expect.stringMatching(/./),
            });
          const isPage = response.status === 200 && /^(?:\/?$|\/(?:dashboard|docs\/(?!api$)|messenger))/.test(at);
          expect(response.headers.get("Cache-Control")).toBe(isPage ? "no-cache" : "no-store");
        },
      ),
      { numRuns: 400 },
    );
    const [key] = (await container(await post("/api/v1/keys/sae-b/enc_keys", "sae-a", {}))).keys;
    const fetched = await container(await call(`/api/v1/keys/sae-a/dec_keys?key_ID=${key?.key_ID}`, { as: "sae-b" }));
    expect(fetched.keys).toEqual([key]);
  },
);

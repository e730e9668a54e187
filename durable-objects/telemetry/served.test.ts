/** Through the Worker to real objects, and from one to another: what their log says of whom it is about. */
import { DurableObject } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { item, together } from "../../test/support/in-workerd-batch.ts";
import { call, setUp } from "../../test/support/in-workerd-network.ts";
import type { ObjectsEnv } from "../env.ts";
import { Gate } from "../key-pool/gate.ts";
import { KeyPool } from "../key-pool/key-pool.ts";
import { logFailure } from "../log-failure.ts";
import { servingObject } from "./served.ts";

beforeAll(async () => await setUp(1));

type Line = Readonly<Record<"reason" | "request_id" | "trace_id" | "error", string | undefined>>;
let lines: Line[];
beforeEach(() => {
  lines = [];
  vi.spyOn(console, "error").mockImplementation((line: string) => void lines.push(JSON.parse(line) as Line));
});
afterEach(() => vi.restoreAllMocks());
const lineOf = (reason: string): Line | undefined => lines.find((line) => line.reason === reason);

/** Has each call of a method say something before it does what it does. */
function before(prototype: object, member: string, say: (...args: { readonly principal: string }[]) => void): void {
  type Method = (...args: { readonly principal: string }[]) => unknown;
  const method = Reflect.get(prototype, member) as Method;
  vi.spyOn(prototype as Record<string, Method>, member).mockImplementation(function (this: unknown, ...args) {
    say(...args);
    return method.apply(this, args);
  });
}

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`;
const STATUS = "/api/v1/keys/sae-b/status";

test("what an object does for a request is told by its id and its trace; what it does afterwards is not", async () => {
  const gate = { isHeld: true };
  before(KeyPool.prototype, "status", (...args) => {
    logFailure(`served with ${args.length}`, null);
    // An object looks at it by itself: a promise would go on in the context of whoever resolves it.
    void (async () => {
      while (gate.isHeld) await scheduler.wait(1);
      logFailure("served before", null);
    })();
  });
  const response = await call(STATUS, { as: "sae-a", headers: { "X-Request-Id": "served-1", traceparent } });
  expect(response.status).toBe(200);
  expect(lineOf("served with 1")).toMatchObject({ request_id: "served-1", trace_id: TRACE });
  gate.isHeld = false;
  await expect.poll(() => lineOf("served before")).toBeDefined();
  expect(lineOf("served before")).not.toHaveProperty("request_id");
});

test("an object that another asks for a request knows of it, too", async () => {
  before(KeyPool.prototype, "lendUnits", () => logFailure("lends", null));
  // More than one shard of the two has.
  const path = "/api/v1/keys/sae-b/enc_keys?number=100&size=4096";
  const asked = Array.from({ length: 4 }, async (_, n) => {
    return await call(path, { as: "sae-a", headers: { "X-Request-Id": `lent-${n}` } });
  });
  await Promise.all(asked);
  expect(lineOf("lends")?.request_id).toMatch(/^lent-\d$/);
});

test("requests that reach a pool in one message are told apart", async () => {
  before(Gate.prototype, "admittedOnce", (asked) => logFailure(`admits ${asked?.principal}`, null));
  const target = "/api/v1/keys/sae-b/enc_keys";
  await together([
    item("sae-a", "n1", target, { requestId: "batched-1", traceparent }),
    item("sae-a2", "n1", target, { requestId: "batched-2" }),
  ]);
  expect(lineOf("admits sae:sae-a")).toMatchObject({ request_id: "batched-1", trace_id: TRACE });
  expect(lineOf("admits sae:sae-a2")).toMatchObject({ request_id: "batched-2" });
  expect(lineOf("admits sae:sae-a2")).not.toHaveProperty("trace_id");
});

test("an object that throws says so by class and method; the Worker too, by the same id", async () => {
  vi.spyOn(KeyPool.prototype, "status").mockRejectedValue(new Error("of the test"));
  const response = await call(STATUS, { as: "sae-a", headers: { "X-Request-Id": "served-2" } });
  expect(response.status).toBe(503);
  for (const reason of ["KeyPool.status", "an object did not answer"])
    expect(lineOf(reason)).toMatchObject({ error: "of the test", request_id: "served-2" });
});

test("no method may have as many parameters as would hide the request", () => {
  class Crowded extends DurableObject<ObjectsEnv> {
    async five(a: number, b: number, c: number, d: number, e: number): Promise<number> {
      return await Promise.resolve(a + b + c + d + e);
    }
  }
  expect(() => servingObject(Crowded)).toThrow("Crowded.five has more than 4 parameters");
});

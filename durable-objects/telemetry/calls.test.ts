import { afterEach, expect, test, vi } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { readScope, SCOPE_HEADER } from "../../shared/telemetry/scope.ts";
import type { ObjectNamespace } from "../env.ts";
import { logFailure } from "../log-failure.ts";
import { asCall, calledNamespace, SCOPE_PLACE } from "./calls.ts";
import { inScope, type Scope } from "./scope.ts";

const TRACE = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7", isSampled: true };
const scopeOf = (calls: Scope["calls"]): Scope => ({ requestId: "r-1", trace: TRACE, calls, isOver: false });
const failing = async () => await Promise.reject(new Error("of the test"));
const told = async (text: string | null) => await Promise.resolve(text);

afterEach(() => vi.restoreAllMocks());

test("a call is a span below its request's, and the object hears of that one", async () => {
  const scope = scopeOf([]);
  const text = await inScope(scope, async () => await asCall("KeyPool.encKeys", told));
  const [span] = scope.calls!;
  expect(span).toMatchObject({
    traceId: TRACE.traceId,
    parentSpanId: TRACE.spanId,
    name: "KeyPool.encKeys",
    kind: "client",
    attributes: {},
    isError: false,
  });
  expect(span?.spanId).not.toBe(TRACE.spanId);
  expect(readScope(text!)).toEqual({ requestId: "r-1", trace: { ...TRACE, spanId: span?.spanId } });
});

test("one that throws is an error, and is thrown on", async () => {
  const scope = scopeOf([]);
  await expect(inScope(scope, async () => await asCall("KeyPool.encKeys", failing))).rejects.toThrow("of the test");
  expect(scope.calls).toMatchObject([{ isError: true }]);
});

test("of calls beyond the bound there are no spans, but they are told whom they are for", async () => {
  const scope = scopeOf([]);
  const many = Array.from({ length: LIMITS.spansOfCalls + 1 }, () => asCall);
  const texts = await inScope(
    scope,
    async () => await Promise.all(many.map(async (call) => await call("Directory.snapshot", told))),
  );
  expect(scope.calls).toHaveLength(LIMITS.spansOfCalls);
  expect(readScope(texts.at(-1)!)).toEqual({ requestId: "r-1", trace: TRACE });
});

test("where nothing is recorded there are no spans; outside of a request, and after its answer, no request either", async () => {
  const unrecorded = scopeOf(null);
  expect(await inScope(unrecorded, async () => await asCall("A.b", told))).toContain(TRACE.spanId);
  expect(await asCall("A.b", told)).toBeNull();
  expect(await inScope(unrecorded, async () => await inScope(null, async () => await asCall("A.b", told)))).toBeNull();
  unrecorded.isOver = true;
  expect(await inScope(unrecorded, async () => await asCall("A.b", told))).toBeNull();
});

interface Noted {
  note(...args: unknown[]): Promise<unknown[]>;
  fetch(request: Request): Promise<Response>;
}
const namespace = calledNamespace<Noted>(
  {
    getByName: () => ({
      note: async (...args: unknown[]) => await Promise.resolve(args),
      fetch: async ({ headers }: Request) => await Promise.resolve(new Response(headers.get(SCOPE_HEADER))),
    }),
  } as unknown as ObjectNamespace<Noted>,
  "Example",
);
const object = namespace.getByName("x");

test("methods get it behind their arguments, `fetch` in a header; a stub is no promise", async () => {
  expect(await object.note("a", 1)).toEqual(["a", 1]);
  expect(await (await object.fetch(new Request("http://object"))).text()).toBe("");
  const scope = scopeOf([]);
  await inScope(scope, async () => {
    const args = await object.note("a", 1);
    expect(args).toEqual(["a", 1, undefined, undefined, expect.stringMatching(/^r-1 00-/)]);
    expect(args).toHaveLength(SCOPE_PLACE + 1);
    expect(await (await object.fetch(new Request("http://object"))).text()).toMatch(/^r-1 00-/);
  });
  expect(scope.calls?.map(({ name }) => name)).toEqual(["Example.note", "Example.fetch"]);
  expect((object as unknown as { then?: unknown }).then).toBeUndefined();
});

test("names have nothing of what is passed", async () => {
  const scope = scopeOf([]);
  await inScope(scope, async () => await object.note({ token: "secret" }, new Uint8Array(32).fill(7)));
  expect(JSON.stringify(scope.calls)).not.toMatch(/secret|7,7|BwcH/);
});

test("a line of the log has the ids of the request that it is about, and none after its answer", () => {
  const lines: Record<string, unknown>[] = [];
  vi.spyOn(console, "error").mockImplementation((line: string) => void lines.push(JSON.parse(line) as never));
  const scope = scopeOf(null);
  inScope(scope, () => logFailure("calls test", new Error("within")));
  scope.isOver = true;
  inScope(scope, () => logFailure("calls test", new Error("after")));
  const line = { level: "error", event: "failed", reason: "calls test" };
  expect(lines).toMatchObject([{ ...line, error: "within", request_id: "r-1", trace_id: TRACE.traceId }, line]);
  expect(lines[1]).not.toHaveProperty("request_id");
});

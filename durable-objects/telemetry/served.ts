/** The object's side of calls that tell what request they are made for: see calls.ts. */
import type { DurableObject } from "cloudflare:workers";
import { readScope, SCOPE_HEADER, type ScopeIds } from "../../shared/telemetry/scope.ts";
import type { ObjectsEnv } from "../env.ts";
import { logFailure } from "../log-failure.ts";
import { SCOPE_PLACE } from "./calls.ts";
import { inScope, type Scope } from "./scope.ts";
import { isRecorded, newSpanId, spans } from "./spans.ts";

/** What serving takes of an object. */
interface Server {
  readonly env: ObjectsEnv;
  readonly ctx: Pick<DurableObjectState, "waitUntil">;
}

/**
 * Serves a call for the request that it is made for. What it throws is told in the log, too.
 * @param name such as `KeyPool.encKeys`
 * @param text as `writeScope` has it; undefined: the call is made for none
 */
export async function serving<T>(
  name: string,
  text: string | undefined,
  { env, ctx }: Server,
  work: () => Promise<T>,
): Promise<T> {
  const caller = text === undefined ? null : readScope(text);
  const scope = caller && scopeBelow(caller, env);
  const startMs = Date.now();
  let isError = false;
  try {
    return await inScope(scope, work);
  } catch (error) {
    isError = true;
    inScope(scope, () => logFailure(name, error));
    throw error;
  } finally {
    if (scope !== null) scope.isOver = true;
    const { trace = null, calls = null } = scope ?? {};
    if (trace !== null && calls !== null) {
      const { traceId, spanId } = trace;
      const own = { traceId, spanId, parentSpanId: caller?.trace?.spanId ?? null, name, kind: "server" } as const;
      spans.add([{ ...own, attributes: {}, startMs, endMs: Date.now(), isError }, ...calls], env, ctx);
    }
  }
}

/** Of a call that is recorded the object's part is a span of its own. */
function scopeBelow({ requestId, trace }: ScopeIds, env: ObjectsEnv): Scope {
  if (trace === null || !isRecorded(trace, env)) return { requestId, trace, calls: null, isOver: false };
  return { requestId, trace: { ...trace, spanId: newSpanId() }, calls: [], isOver: false };
}

export type ObjectClass = new (ctx: DurableObjectState, env: ObjectsEnv) => DurableObject<ObjectsEnv>;
type Method = (this: unknown, ...args: unknown[]) => Promise<unknown>;

/** The platform's own calls: they come from no request. */
const NOT_FOR_REQUESTS: ReadonlySet<string> = new Set([
  "constructor",
  "alarm",
  "webSocketMessage",
  "webSocketClose",
  "webSocketError",
]);

/**
 * The class, whose methods serve what request they are called for.
 * @throws Error for a method with more parameters than stand before the scope
 */
export function servingObject(Class: ObjectClass): ObjectClass {
  class Serving extends Class {}
  for (const [member, { value }] of Object.entries(Object.getOwnPropertyDescriptors(Class.prototype))) {
    if (typeof value !== "function" || NOT_FOR_REQUESTS.has(member)) continue;
    if (value.length > SCOPE_PLACE) throw new Error(`${Class.name}.${member} has more than ${SCOPE_PLACE} parameters`);
    // As it is when it is called: tests put others in its place.
    const method = () => Reflect.get(Class.prototype, member) as Method;
    const make = member === "fetch" ? servingFetch : servingMethod;
    const serve = make(`${Class.name}.${member}`, method);
    Object.defineProperty(Serving.prototype, member, { value: serve, writable: true, configurable: true });
  }
  return Serving;
}

const servingMethod = (name: string, method: () => Method): Method =>
  function (...args) {
    const scope = args[SCOPE_PLACE];
    if (typeof scope !== "string") return method().apply(this, args);
    const own = args.slice(0, SCOPE_PLACE);
    while (own.length > 0 && own.at(-1) === undefined) own.pop();
    return serving(name, scope, this as Server, () => method().apply(this, own));
  };

const servingFetch = (name: string, method: () => Method): Method =>
  function (request) {
    const scope = (request as Request).headers.get(SCOPE_HEADER);
    if (scope === null) return method().call(this, request);
    return serving(name, scope, this as Server, () => method().call(this, request));
  };

/**
 * Calls of objects, by the Worker or another object: each tells whom it is made for, and is a span of that request's trace. Names
 * are class and method, so that no argument comes into one.
 */
import { LIMITS } from "../../shared/limits.ts";
import type { Span } from "../../shared/telemetry/otlp.ts";
import { SCOPE_HEADER, writeScope } from "../../shared/telemetry/scope.ts";
import type { TraceContext } from "../../shared/telemetry/trace.ts";
import type { ObjectNamespace } from "../env.ts";
import { currentScope, type Scope } from "./scope.ts";
import { newSpanId } from "./spans.ts";

/**
 * Behind so many arguments stands the scope's text. No method has as many, and one of a release that knows nothing of it
 * looks at no more than its own.
 */
export const SCOPE_PLACE = 4;

/**
 * A call that is made for the present request.
 * @param name such as `KeyPool.encKeys`
 * @param call gets what to tell the object; null: it is for no request
 */
export function asCall<T>(name: string, call: (scope: string | null) => Promise<T>): Promise<T> {
  const scope = currentScope();
  if (scope === null) return call(null);
  const { calls, trace } = scope;
  if (calls === null || trace === null || calls.length >= LIMITS.spansOfCalls) return call(writeScope(scope));
  return recordedCall(name, { ...scope, trace, calls }, call);
}

interface Recorded extends Scope {
  readonly trace: TraceContext;
  readonly calls: Span[];
}

async function recordedCall<T>(
  name: string,
  { requestId, trace, calls }: Recorded,
  call: (scope: string) => Promise<T>,
): Promise<T> {
  const { traceId, spanId: parentSpanId } = trace;
  const spanId = newSpanId();
  const startMs = Date.now();
  const what = { traceId, spanId, parentSpanId, name, kind: "client", attributes: {} } as const;
  // One that goes on after the answer is sent as far as it has come.
  const span: Mutable<Span> = { ...what, startMs, endMs: startMs, isError: false };
  calls.push(span);
  try {
    return await call(writeScope({ requestId, trace: { ...trace, spanId } }));
  } catch (error) {
    span.isError = true;
    throw error;
  } finally {
    span.endMs = Date.now();
  }
}

type Mutable<T> = { -readonly [Member in keyof T]: T[Member] };
type Method = (...args: readonly unknown[]) => Promise<unknown>;

/** What of a stub is no method of its object; `then` would make a stub a promise of one. */
const OWN: ReadonlySet<string> = new Set(["id", "name", "then", "constructor"]);

function stubOf(className: string): ProxyHandler<Readonly<Record<string, Method>>> {
  return {
    get: (stub, member) => {
      if (typeof member !== "string" || OWN.has(member)) return Reflect.get(stub, member, stub) as unknown;
      const name = `${className}.${member}`;
      if (member === "fetch") {
        return (input: RequestInfo, init?: RequestInit) => {
          const request = new Request(input, init);
          return asCall(name, (scope) => {
            if (scope !== null) request.headers.set(SCOPE_HEADER, scope);
            return (stub[member] as Method)(request);
          });
        };
      }
      // With each key request: no promise is made besides the call's own.
      return (...args: readonly unknown[]) =>
        asCall(name, (scope) =>
          scope === null
            ? (stub[member] as Method)(...args)
            : (stub[member] as Method)(args[0], args[1], args[2], args[3], scope),
        );
    },
  };
}

/** The objects of a class, as callers have them. */
export function calledNamespace<Rpc extends object>(
  namespace: ObjectNamespace<Rpc>,
  className: string,
): ObjectNamespace<Rpc> {
  const handler = stubOf(className) as ProxyHandler<Rpc>;
  return {
    getByName: (name) => new Proxy(namespace.getByName(name), handler),
    idFromName: (name) => namespace.idFromName(name),
    get: (id) => new Proxy(namespace.get(id), handler),
  };
}

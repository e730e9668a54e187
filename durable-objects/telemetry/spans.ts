/**
 * Traces, for who has set a collector (`OTEL_EXPORTER_OTLP_ENDPOINT`, and others of
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/). Sent when there is time, a bounded number at once; what a
 * collector does not take is lost, and no request waits for it.
 */
import { LIMITS } from "../../shared/limits.ts";
import { toHex } from "../../shared/bytes/hex.ts";
import { exportTraces, type Span } from "../../shared/telemetry/otlp.ts";
import type { TraceContext } from "../../shared/telemetry/trace.ts";

/** Where traces go, if anywhere: see docs/metrics.md. The headers are a secret. */
export interface CollectorEnv {
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string;
  readonly OTEL_EXPORTER_OTLP_HEADERS?: string;
  readonly OTEL_TRACES_SAMPLER_ARG?: string;
  readonly OTEL_SERVICE_NAME?: string;
}

/** Of a request's context, or an object's. */
type Background = Pick<ExecutionContext, "waitUntil">;

const random = (bytes: number): string => toHex(crypto.getRandomValues(new Uint8Array(bytes)));

export const newSpanId = (): string => random(8);

/** The sender decides whether its trace is recorded; of others the share that is set. Without a collector the sender's goes on as it is. */
export function beginTrace(parent: TraceContext | null, env: CollectorEnv): TraceContext | null {
  if (!isCollected(env)) return parent;
  const isSampled = parent?.isSampled ?? Math.random() < shareOf(env);
  return { traceId: parent?.traceId ?? random(16), spanId: newSpanId(), isSampled };
}

/** Whether spans are made of what this is the place of. */
export const isRecorded = (trace: TraceContext | null, env: CollectorEnv): boolean =>
  trace !== null && trace.isSampled && isCollected(env);

const isCollected = ({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }: CollectorEnv): boolean =>
  endpoint !== undefined && endpoint !== "";

/** All of them where nothing is set, or nothing that is a share. */
function shareOf({ OTEL_TRACES_SAMPLER_ARG: text = "" }: CollectorEnv): number {
  const share = Number(text);
  return text === "" || !(share >= 0 && share <= 1) ? 1 : share;
}

class Spans {
  #waiting: Span[] = [];
  #sendingFromMs = Number.NEGATIVE_INFINITY;

  /** Those that are recorded; what is beyond the bound is dropped. */
  add(made: readonly Span[], env: CollectorEnv, background: Background): void {
    this.#waiting.push(...made.slice(0, LIMITS.spansHeld - this.#waiting.length));
    const nowMs = Date.now();
    // Who was to send them may have been ended by the platform.
    if (nowMs - this.#sendingFromMs < LIMITS.backgroundMs) return;
    this.#sendingFromMs = nowMs;
    background.waitUntil(this.#send(env));
  }

  /** Never throws. */
  async #send(env: CollectorEnv): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, LIMITS.spanFlushMs));
    while (this.#waiting.length > 0) {
      const spans = this.#waiting.splice(0, LIMITS.spansAtOnce);
      // One after the other, so that a slow collector has one at a time.
      // oxlint-disable-next-line no-await-in-loop
      if (!(await post(exportTraces(spans, env.OTEL_SERVICE_NAME ?? "qkd-edge"), env))) this.#waiting = [];
    }
    this.#sendingFromMs = Number.NEGATIVE_INFINITY;
  }
}

/** @returns whether the collector has taken it */
async function post(body: string, env: CollectorEnv): Promise<boolean> {
  try {
    const response = await fetch(`${(env.OTEL_EXPORTER_OTLP_ENDPOINT ?? "").replace(/\/$/, "")}/v1/traces`, {
      method: "POST",
      headers: { ...headersOf(env), "Content-Type": "application/json" },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(LIMITS.collectorMs),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** `name=value,name=value`, percent-encoded. */
function headersOf({ OTEL_EXPORTER_OTLP_HEADERS: text = "" }: CollectorEnv): Record<string, string> {
  const pairs = text.split(",").flatMap((pair): [string, string][] => {
    const at = pair.indexOf("=");
    return at < 1 ? [] : [[pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())]];
  });
  return Object.fromEntries(pairs);
}

/** This isolate's. */
export const spans = new Spans();

/**
 * Spans as the OpenTelemetry protocol has them, in JSON: https://opentelemetry.io/docs/specs/otlp/ (1.5.0); names of
 * attributes by https://opentelemetry.io/docs/specs/semconv/http/http-spans/.
 */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** Null: the trace begins with it. */
  readonly parentSpanId: string | null;
  readonly name: string;
  /** Serves what somebody asks for, or asks. */
  readonly kind: keyof typeof KINDS;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** The service failed. */
  readonly isError: boolean;
}

const KINDS = { server: 2, client: 3 } as const;
const STATUS_ERROR = 2;

/** The body of an ExportTraceServiceRequest. */
export const exportTraces = (spans: readonly Span[], serviceName: string): string =>
  JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributesOf({ "service.name": serviceName }) },
        scopeSpans: [{ scope: { name: "qkd-edge" }, spans: spans.map(spanOf) }],
      },
    ],
  });

const spanOf = ({ traceId, spanId, parentSpanId, name, kind, startMs, endMs, attributes, isError }: Span) => ({
  traceId,
  spanId,
  ...(parentSpanId === null ? {} : { parentSpanId }),
  name,
  kind: KINDS[kind],
  startTimeUnixNano: nanoseconds(startMs),
  endTimeUnixNano: nanoseconds(endMs),
  attributes: attributesOf(attributes),
  status: isError ? { code: STATUS_ERROR } : {},
});

/** 64-bit integers are texts in this JSON. */
const nanoseconds = (ms: number): string => `${Math.round(ms)}000000`;

const attributesOf = (attributes: Span["attributes"]) =>
  Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === "string" ? { stringValue: value } : { intValue: String(value) },
  }));

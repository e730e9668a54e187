/** Where a request stands in a trace: W3C Trace Context, https://www.w3.org/TR/trace-context/ (level 1). */
export interface TraceContext {
  /** 32 hexadecimal digits, in lower case. */
  readonly traceId: string;
  /** 16 of them: of who sends it. */
  readonly spanId: string;
  readonly isSampled: boolean;
}

export const TRACEPARENT = "traceparent";

const FORM =
  /^(?<version>[0-9a-f]{2})-(?<trace>[0-9a-f]{32})-(?<span>[0-9a-f]{16})-(?<flags>[0-9a-f]{2})(?<more>-.*)?$/;
const ZEROS = /^0+$/;
const SAMPLED = 1;

/** @returns null for a header that does not count (clause 3.2): the trace begins anew */
export function readTraceparent(header: string | null): TraceContext | null {
  const { version, trace = "", span = "", flags = "", more } = FORM.exec(header ?? "")?.groups ?? {};
  // Later versions may have more to say, behind what is known.
  const isKnown = version === "00" ? more === undefined : version !== undefined && version !== "ff";
  if (!isKnown || ZEROS.test(trace) || ZEROS.test(span)) return null;
  return { traceId: trace, spanId: span, isSampled: (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED };
}

export const writeTraceparent = ({ traceId, spanId, isSampled }: TraceContext): string =>
  `00-${traceId}-${spanId}-0${isSampled ? SAMPLED : 0}`;

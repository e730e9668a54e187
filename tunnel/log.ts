/**
 * The site agent's log: one JSON object a line on stderr. Never bodies, tokens, or headers; a key ID is as far as it
 * goes towards key material.
 */
export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;
export type Log = (level: LogLevel, event: string, fields?: LogFields) => void;

export const stderrLog: Log = (level, event, fields = {}) => {
  process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), level, event, ...fields })}\n`);
};

/** Lets one line through an interval and counts the rest, so that a hostile client cannot fill the disk. */
export function throttled(log: Log, intervalMs: number, now: () => number = Date.now): Log {
  let nextMs = 0;
  let suppressed = 0;
  return (level, event, fields = {}) => {
    const nowMs = now();
    if (nowMs < nextMs) {
      suppressed += 1;
      return;
    }
    log(level, event, suppressed === 0 ? fields : { ...fields, suppressed });
    nextMs = nowMs + intervalMs;
    suppressed = 0;
  };
}

/** `ENOENT` and the like; undefined for anything without a code. */
export function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
}

export const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

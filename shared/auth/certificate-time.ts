/**
 * Certificate dates as OpenSSL prints them and Cloudflare passes them on (`Dec 22 19:39:00 2018 GMT`), in
 * milliseconds since 1970. Read here by hand because `Date.parse` leaves this form to each engine.
 */
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const FORM =
  /^(?<month>[A-Z][a-z]{2}) {1,2}(?<day>\d{1,2}) (?<hour>\d{2}):(?<minute>\d{2}):(?<second>\d{2}) (?<year>\d{4}) GMT$/u;
const DAY_MS = 86_400_000;

/** Null when the text is no such date. */
export function certificateTimeMs(text: string): number | null {
  const parts = FORM.exec(text)?.groups;
  if (parts === undefined) return null;
  const month = MONTHS.indexOf(parts["month"] ?? "");
  const [day, hour, minute, second, year] = ["day", "hour", "minute", "second", "year"].map((name) =>
    Number(parts[name]),
  );
  if (day === undefined || hour === undefined || minute === undefined || second === undefined || year === undefined)
    return null;
  if (month < 0 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return null;
  return daysSince1970(year, month + 1, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000;
}

/** When a certificate is good, in milliseconds since 1970; null for a date that cannot be read. */
export interface Validity {
  readonly notBeforeMs: number | null;
  readonly notAfterMs: number | null;
}

export const validityOf = (notBefore: string, notAfter: string): Validity => ({
  notBeforeMs: certificateTimeMs(notBefore),
  notAfterMs: certificateTimeMs(notAfter),
});

/** Is `nowMs` within a certificate's dates? False when either is unreadable. */
export const inDate = ({ notBeforeMs, notAfterMs }: Validity, nowMs: number): boolean =>
  notBeforeMs !== null && notAfterMs !== null && notBeforeMs <= nowMs && nowMs <= notAfterMs;

/** Gregorian calendar to day count, years from March on, so that leap days come last. */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month > 2 ? year : year - 1;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

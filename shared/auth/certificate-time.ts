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

/** Is `nowMs` within a certificate's dates? False when either is unreadable. */
export function inDate(notBefore: string, notAfter: string, nowMs: number): boolean {
  const from = certificateTimeMs(notBefore);
  const to = certificateTimeMs(notAfter);
  return from !== null && to !== null && from <= nowMs && nowMs <= to;
}

/** Gregorian calendar to day count, years from March on, so that leap days come last. */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month > 2 ? year : year - 1;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

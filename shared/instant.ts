/** A moment as the APIs and the log write it: RFC 3339, in UTC, to the millisecond. @param ms unix milliseconds */
// oxlint-disable-next-line no-restricted-globals -- writing a time down reads no clock
export const instant = (ms: number): string => new Date(ms).toISOString();

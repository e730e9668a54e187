/** How grave an alarm is, the gravest first. A file of its own: the network document names them, and so does the API. */
export const ALARM_SEVERITIES = ["critical", "warning", "info"] as const;
export type Severity = (typeof ALARM_SEVERITIES)[number];

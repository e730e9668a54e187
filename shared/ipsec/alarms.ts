/** What a ProxyAgent wants an operator to look into: code -> what it says. The subject names an entry. */
export const PROXY_ALARMS = {
  "rekey-failed": "an SA could not be made anew, and its lifetime goes on: the old one is still in use",
  "not-deleted": "an entry that is not to be used any more could not be deleted at the IPsec host so far",
  "sequence-overflow": "the host says that the sequence numbers of an SA have come to their end",
} as const satisfies Record<string, string>;

export type ProxyAlarmCode = keyof typeof PROXY_ALARMS;
export const isProxyAlarmCode = (text: string): text is ProxyAlarmCode => Object.hasOwn(PROXY_ALARMS, text);

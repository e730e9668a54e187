/** Bounds of the deployment's alarms and their webhooks. */
export const ALARMS = {
  /** Standing ones; beyond, what is new is left out, which is one of them. And those that are cleared: so many, for so long. */
  alarmsStanding: 4096,
  alarmsCleared: 1024,
  alarmsClearedMs: 24 * 3600_000,
  /** One that goes on standing is written anew at most once in so long. */
  alarmRefreshMs: 60_000,
  /** How often what is old is looked for: alarms to be forgotten, certificates about to end. */
  alarmTidyMs: 60_000,
  /** An alarm stands until its figure is better than the bound by this factor. */
  alarmHoldFactor: 1.25,
  /** Share of bits in error. With 0.11 no key is left: Shor and Preskill, Phys. Rev. Lett. 85, 441. */
  alarmQber: 0.08,
  /** Before a certificate's end; or the last third of its life, where that is less. */
  alarmCertificateMs: 14 * 24 * 3600_000,
  alarmNoteChars: 500,
  /** How old the sample may be that a list of alarms is from. */
  alarmsFreshMs: 200,
  /** Alarms in one answer. */
  alarmsListed: 1024,
  /** Certificates that were shown of late, and for how long one counts that is not shown any more; how often a Worker tells of one. */
  certificatesSeen: 4096,
  certificatesSeenMs: 7 * 24 * 3600_000,
  certificateToldMs: 3600_000,
  certificatesToldAtOnce: 64,
  /** After so long that another of the same principal is shown, an older one is taken for replaced. */
  certificateReplacedMs: 2 * 3600_000,
  /** An agent that has not pinged for so long is as one that is not connected: it does every `agentPingMs`. */
  alarmSilentAgentMs: 60_000,
  /** Certificates that an agent tells of. */
  agentCertificates: 16,
  /** Requests for keys of others (each for five), or for keys that are not there, by one caller within so long: an alarm. */
  probeWeight: 20,
  probeMs: 60_000,
  /** Blocks in a row that pass before a source counts as good again. */
  biasGoodBlocks: 16,
  webhooks: 16,
  webhookUrlChars: 512,
  /** Codes of one webhook. */
  webhookCodes: 64,
  /** Messages that wait for one; the oldest makes room. And how old one may get. */
  webhookQueue: 256,
  webhookAgeMs: 24 * 3600_000,
  /** Of one attempt; and attempts for one webhook in a row, before others come first. */
  webhookTryMs: 15_000,
  webhookBatch: 8,
  /** After so many failed attempts at one message that is an alarm. */
  webhookFailures: 3,
} as const;

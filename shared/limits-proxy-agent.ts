/** Bounds of the ProxyAgent objects and their routes; part of LIMITS. */
export const PROXY_AGENT = {
  /** Of a node in the network document. */
  ipsecPrefixes: 64,
  ipsecAddresses: 16,
  /** How long an answer to a controller may wait for the hosts, and one end's agent for the other's. */
  ipsecAnswerWaitMs: 60_000,
  ipsecMeetMs: 300_000,
  /** Notifications in one call of an agent, and its body. */
  ipsecNotifications: 256,
  /** Of one node: entries that are installed or to be, and failed ones that are remembered. */
  ipsecEntries: 16_384,
  ipsecFailedEntries: 1024,
  /** Entries in one page of a node's status. */
  ipsecEntriesListed: 1000,
  /** Batches that may be asked for, their entries all together, and for how long. */
  ipsecBatches: 256,
  ipsecBatchMs: 3_600_000,
  /** Pairs of proxy addresses with a word of their own on keys. */
  ipsecKeySettings: 1024,
  /** Notifications of the host that are remembered. */
  ipsecNotificationsKept: 256,
  ipsecAlarms: 64,
  /** Operations in one errand; a line of its answer; how long the agent may take for one. */
  ipsecErrandOperations: 256,
  /** Operations of all errands of a node that are not settled. */
  ipsecOpenOperations: 65_536,
  /** Errands under way at once; those among them with keys to be made, which wait for the other ends. */
  ipsecErrands: 64,
  ipsecKeyErrands: 48,
  ipsecErrandLineChars: 16 * 1024,
  ipsecErrandMs: 120_000,
  /** An errand that broke off is sent again after so long, and given up as interrupted. */
  ipsecErrandAgainMs: 1000,
  ipsecErrandGivenUpMs: 60_000,
  /** What is to be deleted at a host is tried again: from, to, and then it is an alarm that goes on standing. */
  ipsecDeleteAgainMs: 2000,
  ipsecDeleteAgainMaxMs: 300_000,
  ipsecDeleteAttempts: 6,
  /** How long an SA that is installed here waits for the other end to say so too. */
  ipsecPeerSilentMs: 30_000,
  /** The other end is told again after so long; words from it about an SA that is not known yet are kept so long. */
  ipsecTellAgainMs: 1000,
  ipsecToldMs: 600_000,
  ipsecTold: 16_384,
  /** SAs of one tunnel that are made anew together; rekeys of one node at once. */
  ipsecTunnelSas: 64,
  ipsecRekeys: 256,
  /** A step of a rekey: how long the other end's may be waited for, how soon it is tried again, and for how long. */
  ipsecStepMs: 60_000,
  ipsecStepAgainMs: 2000,
  ipsecStepGivenUpMs: 120_000,
  /** Both SAs work for so long, before the old one goes. */
  ipsecGraceMs: 5000,
  /** After a rekey that failed: from, to. */
  ipsecRekeyAgainMs: 10_000,
  ipsecRekeyAgainMaxMs: 120_000,
  /** An end that hears no more of a rekey that the other one coordinates. */
  ipsecRekeyAbandonedMs: 600_000,
} as const;

/** Of IPsec hosts at a site's agent: a part of LIMITS, which is where others find it. */
export const IPSEC_AGENT = {
  /** `[[ipsec]]` of one agent. */
  ipsecHosts: 16,
  /** An errand: its body, and what is to be done. */
  ipsecErrandBytes: 4 * 1024 * 1024,
  ipsecOperations: 4096,
  /** Errands of one agent under way, and those that are over and could be asked for again. */
  ipsecErrandsAtOnce: 256,
  ipsecErrandsKept: 64,
  /** While nothing happens, an empty line says that an errand is still done. */
  ipsecErrandAliveMs: 10_000,
  /** Keys of one node's SAs that are being made: both ends begin with the same ones, and none waits for a place forever. */
  ipsecKeysAtOnce: 256,
  /** Before a key is tried again for which the other end could not be reached. */
  ipsecKeyPauseMs: 200,
  /** Keys of one node made for later, and how long. */
  ipsecHeldKeys: 1024,
  ipsecHeldMs: 600_000,
  ipsecHeldSweepMs: 30_000,
  /** What is ready waits so long for what is being made, to go to the host in one edit, from, to; and entries of one edit. */
  ipsecGatherMs: 25,
  ipsecGatherMostMs: 250,
  ipsecEditEntries: 512,
  /** Of the edge's answer to a controller: a report on each entry of the largest body. */
  ipsecAnswerBytes: 8 * 1024 * 1024,
  /** Notifications of one host that wait to be told, and that are told at once; and how often a callback is tried. */
  ipsecNotificationsHeld: 256,
  ipsecNotificationsAtOnce: 32,
  ipsecCallbackAttempts: 4,
  ipsecCallbackMs: 5000,
  ipsecCallbackUrlChars: 1024,
} as const;

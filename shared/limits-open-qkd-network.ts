/** Of the Open-QKD-Network KMS API and of the tokens it takes: a part of LIMITS, which is where others find it. */
export const OPEN_QKD_NETWORK = {
  /** In the network document. */
  kmsClients: 256,
  kmsUsers: 4096,
  /** Body of a request, and members of its form and its query. */
  kmsFormBytes: 8 * 1024,
  kmsFormMembers: 32,
  kmsSecretChars: 256,
  /** The c-toxcore fork carries an index in 32 bits. */
  kmsIndex: 2 ** 32 - 1,
  /** As the original's: a little under 12 hours. */
  kmsAccessSeconds: 43_199,
  kmsRefreshSeconds: 30 * 24 * 3600,
  /** Sign-ins of one user by one client that are live at once; beyond, the oldest ends. */
  kmsSignIns: 256,
  /** Refresh tokens of one sign-in that were used and would be noticed if they came again. */
  kmsUsedRefreshTokens: 16,
  /**
   * Slow hashes of secrets shown (some 0.1 s each, of everybody's time): of one client's own secret, as many of its users'
   * passwords, and of all clients' together in one isolate. And tokens given: of one client, and of them to one user.
   */
  kmsHashes: { ratePerS: 4, burst: 32 },
  kmsHashesOfAll: { ratePerS: 6, burst: 64 },
  kmsTokens: { ratePerS: 50, burst: 200 },
  kmsTokensOfUser: { ratePerS: 25, burst: 100 },
  /** A secret that was right is known again without its slow hash for so long, and so many of one client's are. */
  kmsRememberedMs: 60_000,
  kmsRememberedSecrets: 1024,
  /** Wrong passwords in a row that a user may give before each further one costs a pause, twice as long as the last. */
  kmsFreeFailures: 5,
  kmsFirstPauseMs: 1000,
  /** Wrong passwords of one client's users that are compared, in a pause, with those that are remembered. */
  kmsGlances: { ratePerS: 50, burst: 200 },
  kmsPauseMs: 300_000,
  /** How long they are remembered, and of how many names. */
  kmsFailureMs: 3_600_000,
  kmsFailedNames: 4096,
  /** Rows erased in one run of the alarm. */
  kmsSweptRows: 1000,
} as const;

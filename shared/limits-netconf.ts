/** Bounds of what an agent says to IPsec hosts and hears of them: NETCONF over SSH. */
export const NETCONF = {
  /** Of a message that a host sends: a hello with all its modules is the longest. */
  netconfMessageBytes: 1024 * 1024,
  netconfCapabilities: 4096,
  /** Elements within elements of such a message; tags, two an element; quotes, two an attribute; `&` of entities. */
  netconfDepth: 64,
  netconfTags: 16_384,
  netconfQuotes: 8192,
  netconfReferences: 32_768,
  /** Of one call: changes, their XML together, and entries looked for. */
  netconfChanges: 4096,
  netconfEditBytes: 8 * 1024 * 1024,
  netconfEntryNameChars: 1024,
  /** Requests of one session that wait for their answers; edits of one call, and entries in one look. */
  netconfPipelined: 1024,
  netconfEditsAtOnce: 32,
  netconfEntriesRead: 256,
  /** Of what a host says is wrong: a message, a path, a tag. */
  netconfErrorChars: 300,
  netconfErrors: 64,
  /** One RPC, the connection included; shortest and longest. */
  netconfMinTimeoutMs: 100,
  netconfTimeoutMs: 120_000,
  netconfKeepAliveMs: 600_000,
  /** Keep-alives without an answer before the connection counts as lost. */
  netconfKeepAlivesMissed: 3,
  /** After a login or a host key that was refused, nothing is tried for so long: accounts are locked for less. */
  netconfRefusedMs: 5000,
  /** Between the hello and the first request; how long that may take, the first time it is tried. */
  netconfHelloPauseMs: 20,
  netconfProbeMs: 1000,
  /** A host that is not there is tried again, ever less often, for so long; what waits then is told. */
  netconfPatienceMs: 3000,
  /** Tries of one call whose connection is lost under way. */
  netconfEditAttempts: 4,
  /** Of a lock that somebody else holds: tries, and the pause between two. */
  netconfLockAttempts: 5,
  netconfLockPauseMs: 200,
  /** Confirmed commit: taken back by the host after so long without the second word. */
  netconfConfirmS: 30,
  /** How long a host may take to end a session, once told. */
  netconfLeaveMs: 1000,
  /** Of a file with a password, a private key, or host keys. */
  netconfFileBytes: 1024 * 1024,
  netconfHostKeyChars: 16 * 1024,
  /** Subscriptions of one host. */
  netconfSubscriptions: 16,
} as const;

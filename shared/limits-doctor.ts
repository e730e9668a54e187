/** Bounds of `qkd doctor`: a part of LIMITS, which is where others find it. */
export const DOCTOR = {
  /** One case, unless it says otherwise; one call of it; what a KME is given to close a connection by itself. */
  doctorCaseMs: 120_000,
  doctorCallMs: 30_000,
  doctorCloseMs: 3000,
  /** One command of the user's; what a case that was broken off is given to end, which may take such a command; and between a request to end and force. */
  doctorCommandMs: 240_000,
  doctorEndMs: 300_000,
  doctorKillMs: 2000,
  /** Of one answer. */
  doctorAnswerBytes: 16 * 1024 * 1024,
  /** Answers of one TCP connection that no case has looked at. */
  doctorUnreadAnswers: 1024,
  /** Shown of a case: its first and its last calls, and of each call and answer so much. */
  doctorExchanges: 24,
  doctorShownChars: 2048,
  /** Keys whose values are remembered, so that no report shows them wherever they turn up. */
  doctorKnownKeys: 262_144,
  /** Of a client under test: a request's body, what it prints, and requests for one call until it counts as asking without end. */
  doctorClientBodyBytes: 65_536,
  doctorClientOutputChars: 65_536,
  doctorClientRequests: 40,
  /** Calls that a pool is given to run empty. */
  doctorDrainCalls: 4096,
  /** Keys of one request that a case may ask for; a KME that allows more is not tried beyond. */
  doctorManyKeys: 4096,
} as const;

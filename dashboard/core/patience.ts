/** Asking again where that may help: a page that somebody looks at does not wait for them to load it anew. */
const PAUSE_MS = { first: 500, most: 15_000 } as const;

/** No answer, too many questions, or an edge that cannot now: the same question may be answered otherwise. */
const isPassing = (status: number): boolean => status === 0 || status === 429 || status >= 500;

export interface Patience {
  readonly signal: AbortSignal;
  readonly pause?: (ms: number) => Promise<void>;
}

/**
 * Asks until there is an answer that stands, ever less often.
 *
 * @param onAnswer told of each answer, those that may pass too; of none once the signal is aborted
 */
export async function untilItStands<T extends { readonly ok: true } | { readonly ok: false; readonly status: number }>(
  ask: () => Promise<T>,
  onAnswer: (answer: T) => void,
  { signal, pause = wait }: Patience,
): Promise<void> {
  for (let pauseMs: number = PAUSE_MS.first; ; pauseMs = Math.min(PAUSE_MS.most, 2 * pauseMs)) {
    const answer = await ask();
    if (signal.aborted) return;
    onAnswer(answer);
    if (answer.ok || !isPassing(answer.status)) return;
    await pause(pauseMs);
    if (signal.aborted) return;
  }
}

const wait = async (ms: number): Promise<void> => await new Promise((resolve) => void setTimeout(resolve, ms));

/** Colours of words that say how something is. Pure. The word always stands there: nothing is told by colour alone. */

/** Paints a word that says how something is; any other comes back as it is. */
export type Paint = (word: string) => string;

type Tone = "good" | "warning" | "bad" | "faint";

/** Of health, of levels, of a tunnel's agents, of alarms, and of what was examined. */
const TONES: Readonly<Record<string, Tone>> = {
  ok: "good",
  normal: "good",
  high: "good",
  active: "good",
  good: "good",
  pass: "good",
  degraded: "warning",
  low: "warning",
  warning: "warning",
  note: "warning",
  down: "bad",
  empty: "bad",
  absent: "bad",
  critical: "bad",
  fail: "bad",
  NO: "bad",
  revoked: "bad",
  expired: "bad",
  unknown: "faint",
  skip: "faint",
};

/** Select Graphic Rendition (ECMA-48 8.3.117). */
const SGR: Readonly<Record<Tone, string>> = {
  good: "\u001b[32m",
  warning: "\u001b[33m",
  bad: "\u001b[31m",
  faint: "\u001b[2m",
};
const RESET = "\u001b[0m";

export const unpainted: Paint = (word) => word;

export const painted: Paint = (word) => {
  const tone = Object.hasOwn(TONES, word) ? TONES[word] : undefined;
  return tone === undefined ? word : `${SGR[tone]}${word}${RESET}`;
};

/** Source of a regular expression: what `painted` adds, and nothing else of what terminals obey. */
// oxlint-disable-next-line no-control-regex -- it is what begins a colour
export const PAINT = /\u001b\[(?:0|2|31|32|33)m/gu;

/** Characters that are seen. */
export const visibleLength = (text: string): number => text.replaceAll(PAINT, "").length;

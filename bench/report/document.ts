/** The sections of bench/results.md that benches write. Pure. */

export interface Facts {
  readonly command: string;
  readonly machine: string;
  /** ISO 8601. */
  readonly date: string;
}
export const factsText = ({ command, machine, date }: Facts): string => `\`${command}\` on ${date}: ${machine}.`;

/** `<!-- MARK: begin -->` and `<!-- MARK: end -->` stand around what a bench replaces. */
export type Mark = "measured" | "tunnel" | "etsi004" | "hybrid" | "relay" | "ipsec" | "audit";

/** Puts the section between its marks, in place of the one before. @throws Error when the marks are not there */
export function replaceMeasured(document: string, section: string, mark: Mark): string {
  const marks = { begin: `<!-- ${mark}: begin -->`, end: `<!-- ${mark}: end -->` };
  const [begin, end] = [document.indexOf(marks.begin), document.indexOf(marks.end)];
  if (begin === -1 || end < begin) throw new Error(`no "${marks.begin}" ... "${marks.end}" in the document`);
  return `${document.slice(0, begin + marks.begin.length)}\n\n${section.trim()}\n\n${document.slice(end)}`;
}

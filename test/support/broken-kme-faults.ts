/** What can be wrong with the KME of `broken-kme.ts`: a fault each, and the conformance cases that have to fail by it. */

export interface Fault {
  readonly fails: readonly string[];
  /** Of what is only recommended. */
  readonly notes?: readonly string[];
}

const parts = (text: string): readonly string[] => text.split(" ").map((part) => `014-${part}`);
/** @param notes what the case table calls recommended */
const found = (fails: string, notes = ""): Fault => ({
  fails: fails === "" ? [] : parts(fails),
  notes: notes === "" ? [] : parts(notes),
});

export const FAULTS = {
  "serves-plain-http": found("T01"),
  "serves-without-certificate": found("T02 T03 T07 T10"),
  "serves-tls-1.1": found("T04"),
  "serves-anybody": found("T06"),
  "resumes-sessions": found("T10"),
  "lets-answers-be-stored": found("", "T12"),
  "decodes-nothing": found("S06"),
  "forgets-who-asks": found("S02 T09"),
  "mixes-up-kmes": found("S04"),
  "leaves-out-members": found("S01"),
  "extends-status-by-text": found("S09"),
  "stores-too-much": found("S03"),
  "breaks-on-unknown-slaves": found("S05"),
  "takes-any-method": found("", "E29 S07"),
  "ignores-number": found("E04 E06 E22 E23 E32 E33 D03 D19 D20 M02", "S08 D04 D15 D16"),
  "cuts-numbers": found("E11 E31"),
  "ignores-size": found("E05 E06 E07"),
  "takes-any-size": found("E10 E31"),
  "takes-text-for-numbers": found("E13 E31"),
  "takes-any-body": found("E14 E31"),
  "refuses-in-html": found(
    "E08 E09 E13 E14 E16 E20 E31 D05 D06 D17 D18 M03",
    "S05 E10 E11 E12 E17 E21 E26 D07 D12 D13 D16 M05 M06 E22",
  ),
  "refuses-without-message": found(
    "E08 E09 E13 E14 E16 E20 E31 D05 D06 D17 D18 M03",
    "S05 E10 E11 E12 E17 E21 E26 D07 D12 D13 D16 M05 M06 E22",
  ),
  "says-other-words": found("E08 E09 E16 E18 E20 D05 D06 D18", "D07"),
  "gives-no-details": found("", "E17"),
  "ignores-what-is-mandatory": found("E16 E21 E31", "E17"),
  "refuses-empty-lists": found("E19"),
  "breaks-on-the-unknown": found("E27 E28"),
  "chokes-on-large-bodies": found("E30"),
  "consumes-on-refusal": found("E16 E22 D18", "M06"),
  "says-500-when-dry": found("", "E22"),
  "gives-what-is-left": found("E22 E23"),
  "repeats-keys": found("E23 E24 E32"),
  "repeats-key-ids": found("D20 E23 E24 E32"),
  "repeats-keys-the-other-way": found("E32"),
  "gives-keys-twice": found("D07 M03"),
  "checks-before-a-pause": found("D07"),
  "gives-the-first-only": found("D03 D19 E23 M02", "D04 D15"),
  "gives-keys-to-anybody": found("D07 D08 D09 D10 M03 M04 M08", "D11"),
  "says-400-to-others": found("D08 D09 M04 M08"),
  "loses-keys-to-others": found("D08 M04 M08", "D09 D10 D11"),
  "keeps-keys-for-ever": found("D18"),
  "loses-bytes-in-a-restart": found("D19"),
  "gives-other-bytes-to-c": found("M02 M03 D09"),
  "reads-no-ids-in-queries": found("D01"),
  "refuses-additional-slaves": found("M01 M02 M03 M04"),
  "forgets-additional-slaves": found("M02 M03"),
  "takes-any-number-of-slaves": found("M05", "M06"),
  "multicasts-by-get": found("M08"),
  "has-another-default": found("E01 E02", "S08"),
  "saves-on-padding": found("E06 E07 E33"),
} as const satisfies Readonly<Record<string, Fault>>;
export type FaultName = keyof typeof FAULTS;

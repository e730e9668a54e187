/** What a client under test is to do, in words for people and in variables for commands; and what became of it. */
import { defined } from "../../../shared/records.ts";

/** One call of ETSI GS QKD 014, as the client's own user would wish for it. */
export interface Ask {
  readonly call: "status" | "enc_keys" | "dec_keys";
  /** SAE ID in the path: the slave of status and enc_keys, the master of dec_keys. */
  readonly peer: string;
  readonly number?: number;
  readonly sizeBits?: number;
  readonly slaves?: readonly string[];
  readonly mandatory?: readonly object[];
  readonly optional?: readonly object[];
  readonly keyIds?: readonly string[];
}

/** late: it did not end in time, or asked without end. cannot: it has no such call. */
export type How = "done" | "error" | "crash" | "cannot" | "late";

export interface Ended {
  readonly how: How;
  /** `exit code 1`. */
  readonly words: string;
  readonly output: string;
}

/** Has the client do that, and tells what became of it; once the signal is aborted, of no more interest. */
export type Drive = (ask: Ask, signal: AbortSignal) => Promise<Ended>;

/** Where the client finds the KME, and as whom it shall call: files of PEM. */
export interface Place {
  readonly url: string;
  readonly sae: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const json = (value: unknown): string | undefined => (value === undefined ? undefined : JSON.stringify(value));

/** The variables that a command finds; what is not asked for has none. */
export const variablesOf = (ask: Ask, place: Place): Readonly<Record<string, string>> =>
  defined({
    QKD_KME: place.url,
    QKD_CA: place.ca,
    QKD_CERT: place.cert,
    QKD_KEY: place.key,
    QKD_SAE: place.sae,
    QKD_CALL: ask.call,
    QKD_PEER: ask.peer,
    QKD_NUMBER: json(ask.number),
    QKD_SIZE: json(ask.sizeBits),
    QKD_KEY_IDS: ask.keyIds?.join(" "),
    QKD_ADDITIONAL_SLAVES: json(ask.slaves),
    QKD_EXTENSION_MANDATORY: json(ask.mandatory),
    QKD_EXTENSION_OPTIONAL: json(ask.optional),
  });

/** `enc_keys with sae-b: 2 keys of 256 bits`. */
export function wordsOf({ call, peer, number, sizeBits, keyIds, slaves, mandatory, optional }: Ask): string {
  const wishes = [
    ...(number === undefined ? [] : [`number ${number}`]),
    ...(sizeBits === undefined ? [] : [`size ${sizeBits}`]),
    ...(keyIds === undefined ? [] : [`key_IDs ${keyIds.join(" ")}`]),
    ...(slaves === undefined ? [] : [`additional_slave_SAE_IDs ${JSON.stringify(slaves)}`]),
    ...(mandatory === undefined ? [] : [`extension_mandatory ${JSON.stringify(mandatory)}`]),
    ...(optional === undefined ? [] : [`extension_optional ${JSON.stringify(optional)}`]),
  ];
  return `${call} for ${JSON.stringify(peer)}${wishes.length === 0 ? "" : `: ${wishes.join(", ")}`}`;
}

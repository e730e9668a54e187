/** What the user is told once it serves: where, and lines to paste. */
import type { LinkEntry, NetworkDocument } from "../../shared/network/document.ts";

export interface Serving {
  readonly edge: string;
  readonly kme: Readonly<Record<string, string>>;
}

/** Two SAEs that can share a key right away: the ends of the first link that has an SAE at both. */
export interface Couple {
  readonly link: LinkEntry;
  readonly master: { readonly sae: string; readonly node: string };
  readonly slave: { readonly sae: string; readonly node: string };
}

export function coupleOf(network: NetworkDocument): Couple | null {
  const saeAt = (node: string): string | undefined =>
    network.saes.find((sae) => sae.node === node && PLAIN.test(sae.id))?.id;
  for (const link of network.links) {
    const [from, to] = link.nodes;
    const master = saeAt(from);
    const slave = saeAt(to);
    if (master !== undefined && slave !== undefined)
      return { link, master: { sae: master, node: from }, slave: { sae: slave, node: to } };
  }
  return null;
}
/** Needs no escape in a URL, a file name, a shell or a regular expression (but for the dot, which is harmless there). */
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** The same key over mutual TLS, at the two SAEs' own KMEs. */
export function mtlsLines({ kme }: Serving, { master, slave }: Couple, certs: string): string[] {
  const folder = shown(certs);
  const curl = ({ sae }: Couple["master"]): string =>
    `curl -sS --cacert ${folder}/ca.crt --cert ${folder}/${sae}.crt --key ${folder}/${sae}.key`;
  return [
    `ANSWER=$(${curl(master)} ${kme[master.node]}/api/v1/keys/${slave.sae}/enc_keys); echo "$ANSWER"`,
    KEY_ID_LINE,
    `${curl(slave)} "${kme[slave.node]}/api/v1/keys/${master.sae}/dec_keys?key_ID=$KEY_ID"; echo`,
  ];
}

/** The same with bearer tokens at the edge. A token goes to curl by stdin: arguments can be read by other users. */
export function tokenLines(edge: string, { master, slave }: Couple, tokens: string): string[] {
  const bearer = ({ sae }: Couple["master"]): string =>
    `sed -n 's/.*"${sae}": "\\(.*\\)".*/Authorization: Bearer \\1/p' ${shown(tokens)} | curl -sS -H @-`;
  return [
    `ANSWER=$(${bearer(master)} ${edge}/api/v1/keys/${slave.sae}/enc_keys); echo "$ANSWER"`,
    KEY_ID_LINE,
    `${bearer(slave)} "${edge}/api/v1/keys/${master.sae}/dec_keys?key_ID=$KEY_ID"; echo`,
  ];
}

const KEY_ID_LINE = `KEY_ID=$(echo "$ANSWER" | sed 's/.*"key_ID":"\\([^"]*\\)".*/\\1/')`;

/** A path as pasted into a shell, in whatever folder that is. */
const shown = (path: string): string =>
  /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;

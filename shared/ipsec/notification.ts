/** Notifications of an IPsec host (RFC 5277 clause 4, RFC 9061), read from the XML of a stranger. */
import { isRecord } from "../records.ts";
import { LIMITS } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { checkTree } from "./check-tree.ts";
import { faultsText } from "./faults.ts";
import { boolean, entryName, uint32 } from "./leaf-types.ts";
import { type Lifetime, LIFETIME, SELECTOR, type TrafficSelector } from "./model.ts";
import { readXml } from "./xml.ts";
import { container, leaf, mandatory, needed, type Nodes, type Tree } from "./yang.ts";

interface At {
  /** `eventTime` as the host has it: RFC 3339, or what it takes for that. */
  readonly eventTime: string;
}
export type IpsecNotification =
  | (At & {
      readonly kind: "sadb-expire";
      readonly saName: string;
      /** Soft: it is to be made anew. Hard: it is gone. */
      readonly soft: boolean;
      readonly current: Lifetime;
    })
  | (At & { readonly kind: "sadb-acquire"; readonly policyName: string; readonly selector: TrafficSelector })
  | (At & { readonly kind: "sadb-bad-spi"; readonly spi: number })
  | (At & { readonly kind: "sadb-seq-overflow"; readonly saName: string });

const EXPIRE = {
  "ipsec-sa-name": mandatory(entryName),
  "soft-lifetime-expire": leaf(boolean, true),
  "lifetime-current": container(LIFETIME),
} as const;
const ACQUIRE = { "ipsec-policy-name": mandatory(entryName), "traffic-selector": needed(SELECTOR) } as const;
const BAD_SPI = { spi: mandatory(uint32) } as const;
const SEQ_OVERFLOW = { "ipsec-sa-name": mandatory(entryName) } as const;

interface Reader {
  readonly nodes: Nodes;
  of(tree: unknown, at: At): IpsecNotification;
}
const reader = <N extends Nodes>(nodes: N, of: (tree: Tree<N>, at: At) => IpsecNotification): Reader => ({
  nodes,
  of: (tree, at) => of(tree as Tree<N>, at),
});

const READERS: Readonly<Record<string, Reader>> = {
  "sadb-expire": reader(EXPIRE, (tree, at) => ({
    ...at,
    kind: "sadb-expire",
    saName: tree["ipsec-sa-name"],
    soft: tree["soft-lifetime-expire"] ?? true,
    current: tree["lifetime-current"] ?? {},
  })),
  "sadb-acquire": reader(ACQUIRE, (tree, at) => ({
    ...at,
    kind: "sadb-acquire",
    policyName: tree["ipsec-policy-name"],
    selector: tree["traffic-selector"],
  })),
  "sadb-bad-spi": reader(BAD_SPI, ({ spi }, at) => ({ ...at, kind: "sadb-bad-spi", spi })),
  "sadb-seq-overflow": reader(SEQ_OVERFLOW, (tree, at) => ({
    ...at,
    kind: "sadb-seq-overflow",
    saName: tree["ipsec-sa-name"],
  })),
};

/** Long enough for any time, with its zone. */
const TIME_CHARS = 64;

/**
 * @param text one `<notification>`
 * @returns null for a notification of something else; a message for what is none, which quotes nothing
 */
export function readNotification(text: string): Result<IpsecNotification | null, string> {
  if (text.length > LIMITS.ipsecNotificationBytes) return err("the notification is too large");
  const elements = readXml(text);
  if (!elements.ok) return elements;
  const [element, ...more] = elements.value;
  if (element?.name !== "notification" || more.length > 0) return err("no notification");
  if (!isRecord(element.value)) return err("the notification is empty");
  const { eventTime, ...members } = element.value;
  if (typeof eventTime !== "string" || eventTime === "" || eventTime.length > TIME_CHARS) {
    return err("eventTime: is missing, or no time");
  }
  const kind = Object.keys(members).find((name) => Object.hasOwn(READERS, name));
  return kind === undefined ? ok(null) : read(kind, members[kind], { eventTime });
}

function read(kind: string, value: unknown, at: At): Result<IpsecNotification | null, string> {
  const told = READERS[kind];
  if (told === undefined) return ok(null);
  const { nodes } = told;
  // What a host adds of its own is no reason not to hear the rest.
  const known = isRecord(value)
    ? Object.fromEntries(Object.entries(value).filter(([name]) => Object.hasOwn(nodes, name)))
    : value;
  const { tree, faults } = checkTree(nodes, known, kind);
  return faults.length > 0 ? err(faultsText(faults)) : ok(told.of(tree, at));
}

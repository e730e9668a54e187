/**
 * SPD and SAD entries of `ietf-i2nsf-ikeless` (RFC 9061 Appendix B), leaf by leaf in the module's order, with its types,
 * ranges and defaults. What it says in words or with `when` and `must` is in rules.ts.
 */
import {
  boolean,
  dscp,
  entryName,
  innerProtocol,
  ipAddress,
  ipPrefix,
  oneOf,
  uint16,
  uint32,
  uint64,
  uint8,
} from "./leaf-types.ts";
import { container, leaf, leafList, list, mandatory, needed, secret, state, type Tree } from "./yang.ts";

export const IKELESS_NAMESPACE = "urn:ietf:params:xml:ns:yang:ietf-i2nsf-ikeless";

/** ESP is the only protocol so far. */
const protocol = leaf(oneOf("esp"), "esp");
const mode = leaf(oneOf("transport", "tunnel"), "transport");
const windowSize = leaf(uint32, 64);

const ports = list(["start", "end"], { start: mandatory(uint16), end: mandatory(uint16) });

/** `selector-grouping`. */
export const SELECTOR = {
  "local-prefix": mandatory(ipPrefix),
  "remote-prefix": mandatory(ipPrefix),
  "inner-protocol": leaf(innerProtocol, "any"),
  "local-ports": ports,
  "remote-ports": ports,
} as const;

/** `tunnel-grouping`. */
const TUNNEL = {
  local: mandatory(ipAddress),
  remote: mandatory(ipAddress),
  "df-bit": leaf(oneOf("clear", "set", "copy"), "clear"),
  "bypass-dscp": leaf(boolean, true),
  "dscp-mapping": list(["id"], { id: mandatory(uint8), "inner-dscp": leaf(dscp), "outer-dscp": leaf(dscp, 0) }),
} as const;

/** `lifetime`: 0 is without end. */
export const LIFETIME = {
  time: leaf(uint32, 0),
  bytes: leaf(uint64, "0"),
  packets: leaf(uint32, 0),
  idle: leaf(uint32, 0),
} as const;

export const SPD_ENTRY = {
  name: mandatory(entryName),
  direction: mandatory(oneOf("inbound", "outbound")),
  reqid: leaf(uint64, "0"),
  "ipsec-policy-config": needed({
    "anti-replay-window-size": windowSize,
    "traffic-selector": needed(SELECTOR),
    "processing-info": container({
      action: leaf(oneOf("protect", "bypass", "discard"), "discard"),
      "ipsec-sa-cfg": container({
        "pfp-flag": leaf(boolean, false),
        "ext-seq-num": leaf(boolean, false),
        "seq-overflow": leaf(boolean, false),
        "stateful-frag-check": leaf(boolean, false),
        mode,
        "protocol-parameters": protocol,
        "esp-algorithms": container({
          /** Of none: 0. */
          integrity: leafList(uint16),
          encryption: list(["id"], {
            id: mandatory(uint16),
            "algorithm-type": leaf(uint16, 20),
            /** Bits. */
            "key-length": leaf(uint16, 128),
          }),
          "tfc-pad": leaf(boolean, false),
        }),
        tunnel: container(TUNNEL),
      }),
    }),
  }),
} as const;

export const SAD_ENTRY = {
  name: mandatory(entryName),
  reqid: leaf(uint64, "0"),
  "ipsec-sa-config": needed({
    spi: mandatory(uint32),
    "ext-seq-num": leaf(boolean, true),
    "seq-overflow": leaf(boolean, false),
    "anti-replay-window-size": windowSize,
    "traffic-selector": needed(SELECTOR),
    "protocol-parameters": protocol,
    mode,
    "esp-sa": container({
      encryption: container({ "encryption-algorithm": leaf(uint16, 12), key: secret, iv: secret }),
      integrity: container({ "integrity-algorithm": leaf(uint16, 12), key: secret }),
    }),
    "sa-lifetime-hard": container(LIFETIME),
    "sa-lifetime-soft": container({ ...LIFETIME, action: leaf(oneOf("terminate-clear", "terminate-hold", "replace")) }),
    tunnel: container({ ...TUNNEL, "dscp-values": leafList(dscp) }),
    "encapsulation-type": container({
      espencap: leaf(oneOf("espintcp", "espinudp", "none"), "none"),
      sport: leaf(uint16, 4500),
      dport: leaf(uint16, 4500),
      oaddr: leafList(ipAddress),
    }),
  }),
  "ipsec-sa-state": state,
} as const;

export type SpdEntry = Tree<typeof SPD_ENTRY>;
export type SadEntry = Tree<typeof SAD_ENTRY>;
export type TrafficSelector = Tree<typeof SELECTOR>;
export type Lifetime = Tree<typeof LIFETIME>;
export type TunnelEnds = Tree<typeof TUNNEL>;
/** Of an SPD entry that protects: what its SAs are to be. */
export type SaConfig = NonNullable<NonNullable<SpdEntry["ipsec-policy-config"]["processing-info"]>["ipsec-sa-cfg"]>;
export type SadConfig = SadEntry["ipsec-sa-config"];

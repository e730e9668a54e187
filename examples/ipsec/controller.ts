/**
 * What a CCIPS controller sends to the two proxy agents of a tunnel: policies and SAs of RFC 9061, numbers as texts, one JSON
 * object after the other with nothing between them. In place of keys stand zeros: the proxy agents throw them away.
 */

/** As IANA numbers them for IKEv2. */
const CIPHERS = {
  /** AES-GCM with an ICV of 16 octets, 256 bits: a key of 32 octets, and a salt of 4 behind it. */
  "aes-gcm-16-256": { encryption: "20", integrity: null, keyBits: "256" },
  /** AES-CBC, 256 bits, and HMAC-SHA2-256-128. */
  "aes-cbc-256-hmac-sha2-256": { encryption: "12", integrity: "12", keyBits: "256" },
} as const;

export interface Tunnel {
  /** Prefixes of the two hosts. */
  readonly a: string;
  readonly b: string;
  readonly reqid: string;
  /** Of the SA from a to b, and of the one back. */
  readonly spis: readonly [there: number, back: number];
  readonly cipher: keyof typeof CIPHERS;
}

export type Entry =
  | { readonly "spd-entry": { readonly name: string; readonly reqid: string } & Readonly<Record<string, unknown>> }
  | { readonly "sad-entry": { readonly name: string; readonly reqid: string } & Readonly<Record<string, unknown>> };

const short = (prefix: string): string => prefix.replace(/\/32$/, "");
const nameOf = (from: string, to: string): string => `out/${short(from)}/in/${short(to)}`;
export const saName = (from: string, to: string, spi: number): string => `${nameOf(from, to)}_${spi}`;

const selector = (from: string, to: string) => ({
  "local-prefix": from,
  "remote-prefix": to,
  "inner-protocol": "any",
});

/** 32 octets of zeros. */
const NO_KEY = Array.from({ length: 32 }, () => "00").join(":");
const NEVER = { bytes: "0", packets: "0", time: "0", idle: "0" };

function policy({ reqid, cipher }: Tunnel, direction: "inbound" | "outbound", from: string, to: string): Entry {
  const { encryption, integrity, keyBits } = CIPHERS[cipher];
  return {
    "spd-entry": {
      name: nameOf(from, to),
      direction,
      reqid,
      "ipsec-policy-config": {
        "anti-replay-window-size": "64",
        "traffic-selector": selector(from, to),
        "processing-info": {
          action: "protect",
          "ipsec-sa-cfg": {
            "ext-seq-num": true,
            mode: "transport",
            "protocol-parameters": "esp",
            "esp-algorithms": {
              ...(integrity === null ? {} : { integrity }),
              encryption: { id: "1", "algorithm-type": encryption, "key-length": keyBits },
            },
          },
        },
      },
    },
  };
}

function sa({ reqid, cipher }: Tunnel, from: string, to: string, spi: number): Entry {
  const { encryption, integrity } = CIPHERS[cipher];
  return {
    "sad-entry": {
      name: saName(from, to, spi),
      reqid,
      "ipsec-sa-config": {
        spi: String(spi),
        "ext-seq-num": true,
        "traffic-selector": selector(from, to),
        "protocol-parameters": "esp",
        mode: "transport",
        "esp-sa": {
          encryption: { "encryption-algorithm": encryption, key: NO_KEY },
          ...(integrity === null ? {} : { integrity: { "integrity-algorithm": integrity, key: NO_KEY } }),
        },
        "sa-lifetime-hard": NEVER,
        "sa-lifetime-soft": NEVER,
      },
    },
  };
}

/** The two SAs: the same entries at both hosts. */
export const sasOf = (tunnel: Tunnel): readonly Entry[] => {
  const { a, b, spis } = tunnel;
  return [sa(tunnel, a, b, spis[0]), sa(tunnel, b, a, spis[1])];
};

/** All that one host gets. */
export const entriesOf = (tunnel: Tunnel, host: "a" | "b"): readonly Entry[] => {
  const [own, other] = host === "a" ? [tunnel.a, tunnel.b] : [tunnel.b, tunnel.a];
  return [policy(tunnel, "outbound", own, other), policy(tunnel, "inbound", other, own), ...sasOf(tunnel)];
};

/** To delete them, name and reqid are enough. */
export const deletionOf = (entries: readonly Entry[]): readonly object[] =>
  entries.map((entry) =>
    Object.fromEntries(Object.entries(entry).map(([kind, { name, reqid }]) => [kind, { name, reqid }])),
  );

export interface Report {
  readonly kind: string | null;
  readonly name: string | null;
  readonly state: string;
  readonly reason?: string;
  readonly message?: string;
  readonly unchanged?: true;
  readonly sources?: readonly string[];
}
export interface Answer {
  readonly STATUS: string;
  readonly batch: string;
  readonly done: boolean;
  readonly entries: readonly Report[];
}

/** As far as a call may wait for the hosts. */
const WAIT_S = 30;

/** @param proxy base URL of a proxy agent's port @throws Error where the answer is none on entries */
export async function send(proxy: string, method: "POST" | "DELETE", entries: readonly object[]): Promise<Answer> {
  const response = await fetch(`${proxy}/ipsec-entries`, {
    method,
    headers: { "content-type": "application/json", prefer: `wait=${WAIT_S}` },
    body: entries.map((entry) => JSON.stringify(entry)).join(""),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${proxy} answers ${response.status}: ${text}`);
  return JSON.parse(text) as Answer;
}

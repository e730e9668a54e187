/** The hybridization module's JSON over TCP. Both ends pass the same two URIs, and meet. */
import { failed, type Failure } from "../../../../shared/etsi004/json-tcp/answers.ts";
import type { StatusName } from "../../../../shared/etsi004/status.ts";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import {
  allBut,
  type Application,
  type Binding,
  type Call,
  type Got,
  type KeyWish,
  NO_KEY,
  type OpenWish,
  type Party,
  qosWish,
  type Said,
  saidCode,
} from "../application.ts";
import { askJson, type JsonAnswer, type JsonLine, jsonQos, openJson } from "../wire/json.ts";

/**
 * Both ends pass these: of the two, whose name comes first is the source.
 * @param label which of their streams is meant; none where it is empty
 */
export function jsonAddresses(self: Party, peer: Party, label = "") {
  const [source, destination] = [self, peer].toSorted((x, y) => (x.end < y.end ? -1 : 1));
  const uri = (party: Party): string =>
    `${party.address ?? `qkd://${party.sae}@${party.node}`}${label === "" ? "" : `/~${label}`}`;
  return { source: uri(source ?? self), destination: uri(destination ?? peer) };
}

const saidIn = ({ status, message }: JsonAnswer): Said => ({
  code: String(status),
  ...(typeof message === "string" ? { text: message } : {}),
});

class JsonApplication implements Application {
  readonly #line: JsonLine;
  readonly #self: Party;
  readonly #peer: Party;

  constructor(line: JsonLine, self: Party, peer: Party) {
    this.#line = line;
    this.#self = self;
    this.#peer = peer;
  }

  async open({ qos, label }: OpenWish) {
    const answer = await askJson(this.#line, "OPEN_CONNECT", {
      ...jsonAddresses(this.#self, this.#peer, label),
      qos: jsonQos(qosWish(this.#self, qos)),
    });
    return { said: saidIn(answer), ksid: (answer["key_stream_id"] ?? null) as Ksid | null, qos: null };
  }

  async getKey(ksid: Ksid, { index = 0 }: KeyWish = {}): Promise<Got> {
    const answer = await askJson(this.#line, "GET_KEY", { key_stream_id: ksid, index });
    const key = answer["key_buffer"];
    if (!Array.isArray(key)) return { ...NO_KEY, said: saidIn(answer) };
    return { ...NO_KEY, said: saidIn(answer), index, key: Buffer.from(key as number[]).toString("hex") };
  }

  async close(ksid: Ksid): Promise<Said> {
    return saidIn(await askJson(this.#line, "CLOSE", { key_stream_id: ksid }));
  }

  end(): void {
    this.#line.end();
  }
}

/** One status for whatever went wrong, and the original's words. */
const wordsOf = (failure: Failure): Said => saidIn({ ...failed(failure) });
const FAILED: Readonly<Record<Call, Said>> = {
  open: wordsOf("no-source"),
  "get-key": wordsOf("no-key"),
  close: wordsOf("no-stream"),
};

function says(call: Call, status: StatusName): readonly Said[] {
  if (status === "success") return [saidCode(0)];
  // Nobody is told that it is alone.
  if (status === "peer-not-connected") return [];
  return [call !== "open" && status === "unknown-ksid" ? wordsOf("no-stream") : FAILED[call]];
}

const CANNOT: Binding["reasons"] = {
  ksid: "OPEN_CONNECT names no KSID: it is made of the two URIs, and told once both ends have come",
  "qos-told": "the answer of OPEN_CONNECT has no QoS",
  qos: "its clients mean nothing by other members than the chunk's size and Timeout",
  next: "its clients always name an index",
  metadata: "the answer of GET_KEY has no metadata",
  "metadata-size": "the answer of GET_KEY has no metadata",
};

export const jsonTcp: Binding = {
  name: "json-tcp",
  profile: "json-tcp",
  ...allBut(CANNOT),
  connect: async (self, peer) => new JsonApplication(await openJson(self.reach), self, peer),
  says,
};

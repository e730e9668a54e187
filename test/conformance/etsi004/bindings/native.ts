/** `/api/v1/streams`, at the edge. */
import { qosMembers, qosOf } from "../../../../shared/etsi004/native/qos.ts";
import { STATUS } from "../../../../shared/etsi004/status.ts";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import type { RunningNetwork } from "../../../support/run-network.ts";
import {
  allBut,
  type Application,
  type Binding,
  type KeyWish,
  NO_KEY,
  type OpenWish,
  type Party,
  qosWish,
} from "../application.ts";

type Body = Readonly<Record<string, unknown>> & { readonly status?: number };
const STREAMS = "/api/v1/streams";

export class NativeApplication implements Application {
  readonly #network: RunningNetwork;
  readonly #self: Party;
  readonly #peer: Party;

  constructor(network: RunningNetwork, self: Party, peer: Party) {
    this.#network = network;
    this.#self = self;
    this.#peer = peer;
  }

  async open({ ksid, qos }: OpenWish) {
    const { body, word } = await this.#post("", {
      source: this.#self.sae,
      destination: this.#peer.sae,
      ...(ksid === undefined ? {} : { key_stream_ID: ksid }),
      QOS: qosMembers(qosWish(qos)),
    });
    const { key_stream_ID: opened, QOS: told } = body;
    return {
      word,
      ksid: (opened ?? null) as Ksid | null,
      qos: told === undefined ? null : qosOf(told as Parameters<typeof qosOf>[0]),
    };
  }

  async getKey(ksid: Ksid, { index, metadataSize }: KeyWish = {}) {
    const wish = {
      ...(index === undefined ? {} : { index }),
      ...(metadataSize === undefined ? {} : { Metadata_size: metadataSize }),
    };
    const { body, word } = await this.#post(`/${ksid}/get_key`, wish);
    if (body["Key_buffer"] === undefined) {
      return { ...NO_KEY, word, neededSize: (body["Metadata_size"] ?? null) as number | null };
    }
    return {
      word,
      index: body["index"] as number,
      key: Buffer.from(body["Key_buffer"] as string, "base64").toString("hex"),
      metadata: (body["Metadata"] ?? null) as string | null,
      neededSize: null,
    };
  }

  async close(ksid: Ksid): Promise<string> {
    return (await this.#post(`/${ksid}/close`, {})).word;
  }

  async #post(path: string, wish: object): Promise<{ readonly body: Body; readonly word: string }> {
    const init = { method: "POST", body: JSON.stringify(wish) };
    const response = await this.#network.fetch(STREAMS + path, this.#self.sae, init);
    const body = (await response.json()) as Body;
    return { body, word: String(body["status"] ?? `HTTP ${response.status}`) };
  }
}

export const native: Binding = {
  name: "native",
  profile: "native",
  ...allBut({}),
  connect: (network, self, peer) => Promise.resolve(new NativeApplication(network, self, peer)),
  says: (_call, status) => [String(STATUS[status])],
};

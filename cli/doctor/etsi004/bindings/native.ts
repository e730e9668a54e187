/** `/api/v1/streams`. */
import { qosMembers, qosOf } from "../../../../shared/etsi004/native/qos.ts";
import { STATUS } from "../../../../shared/etsi004/status.ts";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import {
  allBut,
  type Application,
  type Binding,
  type Got,
  type KeyWish,
  NO_KEY,
  type OpenWish,
  type Party,
  qosWish,
  type Said,
  saidCode,
} from "../application.ts";
import { type Members, postJson, saidStatus } from "./http-json.ts";

export const STREAMS = "/api/v1/streams";

export class NativeApplication implements Application {
  readonly #self: Party;
  readonly #peer: Party;

  constructor(self: Party, peer: Party) {
    this.#self = self;
    this.#peer = peer;
  }

  async open({ ksid, qos }: OpenWish) {
    const { members, said } = await this.#post("", {
      source: this.#self.address ?? this.#self.sae,
      destination: this.#peer.address ?? this.#peer.sae,
      ...(ksid === undefined ? {} : { key_stream_ID: ksid }),
      QOS: qosMembers(qosWish(this.#self, qos)),
    });
    const { key_stream_ID: opened, QOS: told } = members;
    return {
      said,
      ksid: (opened ?? null) as Ksid | null,
      qos: told === undefined ? null : qosOf(told as Parameters<typeof qosOf>[0]),
    };
  }

  async getKey(ksid: Ksid, { index, metadataSize }: KeyWish = {}): Promise<Got> {
    const { members, said } = await this.#post(`/${ksid}/get_key`, {
      ...(index === undefined ? {} : { index }),
      ...(metadataSize === undefined ? {} : { Metadata_size: metadataSize }),
    });
    const { Key_buffer: key, Metadata_size: neededSize } = members;
    if (typeof key !== "string") return { ...NO_KEY, said, neededSize: (neededSize ?? null) as number | null };
    return {
      said,
      index: members["index"] as number,
      key: Buffer.from(key, "base64").toString("hex"),
      metadata: (members["Metadata"] ?? null) as string | null,
      neededSize: null,
    };
  }

  async close(ksid: Ksid): Promise<Said> {
    return (await this.#post(`/${ksid}/close`, {})).said;
  }

  end(): void {}

  async #post(path: string, wish: object): Promise<{ readonly members: Members; readonly said: Said }> {
    const answer = await postJson(this.#self.reach, STREAMS + path, wish);
    return { ...answer, said: saidStatus(answer) };
  }
}

export const native: Binding = {
  name: "native",
  profile: "native",
  ...allBut({}),
  connect: (self, peer) => Promise.resolve(new NativeApplication(self, peer)),
  says: (_call, status) => [saidCode(STATUS[status])],
};

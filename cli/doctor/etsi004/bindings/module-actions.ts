/** qkd-module 1.0, `/api/v1/qkdm/actions/...`. */
import { MODULE_STATUS } from "../../../../shared/etsi004/qkd-module/codes.ts";
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
import { membersOf, postJson, saidStatus } from "./http-json.ts";

export const ACTIONS = "/api/v1/qkdm/actions/";

/** What `qos_parameters` has room for. */
export const actionQos = (party: Party, wish?: OpenWish["qos"]) => {
  const { chunkBytes, timeoutMs } = qosWish(party, wish);
  return { key_chunk_size: chunkBytes, timeout: timeoutMs };
};

class ModuleApplication implements Application {
  readonly #self: Party;
  readonly #peer: Party;

  constructor(self: Party, peer: Party) {
    this.#self = self;
    this.#peer = peer;
  }

  async open({ ksid, qos }: OpenWish) {
    const { members, said } = await this.#post("open_connect", {
      source: this.#self.address ?? this.#self.sae,
      destination: this.#peer.address ?? this.#peer.sae,
      ...(ksid === undefined ? {} : { key_stream_ID: ksid }),
      qos_parameters: actionQos(this.#self, qos),
    });
    return { said, ksid: (members["key_stream_ID"] ?? null) as Ksid | null, qos: null };
  }

  async getKey(ksid: Ksid, { index }: KeyWish = {}): Promise<Got> {
    if (index === undefined) return await this.#nextKey(ksid);
    const { members, said } = await this.#post("get_key", { key_stream_ID: ksid, indexes: [index] });
    const { keys, indexes } = members;
    if (!Array.isArray(keys)) return { ...NO_KEY, said };
    const [key = ""] = keys as string[];
    const [given = null] = (indexes ?? []) as number[];
    return { ...NO_KEY, said, index: given, key: Buffer.from(key, "base64").toString("hex") };
  }

  async close(ksid: Ksid): Promise<Said> {
    return (await this.#post("close", { key_stream_ID: ksid })).said;
  }

  end(): void {}

  /** The original's clients ask for the first index there is. */
  async #nextKey(ksid: Ksid): Promise<Got> {
    const path = `${ACTIONS}get_id/${ksid}?count=1`;
    const answer = membersOf(await this.#self.reach.http({ path, body: null }));
    const [index] = (answer.members["available_indexes"] ?? []) as number[];
    return index === undefined ? { ...NO_KEY, said: saidStatus(answer) } : await this.getKey(ksid, { index });
  }

  async #post(action: string, wish: object) {
    const answer = await postJson(this.#self.reach, ACTIONS + action, wish);
    return { ...answer, said: saidStatus(answer) };
  }
}

const CANNOT: Binding["reasons"] = {
  "qos-told": "the answer of open_connect has no QoS",
  qos: "`qos_parameters` has the chunk's size and Timeout only",
  mimetype: "`qos_parameters` has no type of metadata",
  metadata: "the answer of get_key has no metadata",
  "metadata-size": "the answer of get_key has no metadata",
};

export const moduleActions: Binding = {
  name: "qkd-module",
  profile: "qkd-module",
  ...allBut(CANNOT),
  connect: (self, peer) => Promise.resolve(new ModuleApplication(self, peer)),
  says: (call, status) => [
    // Whoever opens is not told whether the peer is there.
    saidCode(call === "open" && status === "peer-not-connected" ? STATUS.success : MODULE_STATUS[status]),
  ],
};

/** qkd-module 1.0, `/api/v1/qkdm/actions/...`: at the edge, with a token; and on an agent's port, without. */
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
} from "../application.ts";
import { atAgent, atEdge, type Door, type Reach } from "./module-doors.ts";

type Body = Readonly<Record<string, unknown>> & { readonly status?: number };
const ACTIONS = "/api/v1/qkdm/actions/";

class ModuleApplication implements Application {
  readonly #door: Door;
  readonly #self: Party;
  readonly #peer: Party;

  constructor(door: Door, self: Party, peer: Party) {
    this.#door = door;
    this.#self = self;
    this.#peer = peer;
  }

  async open({ ksid, qos }: OpenWish) {
    const { chunkBytes, timeoutMs } = qosWish(qos);
    const { body, word } = await this.#post("open_connect", {
      source: this.#self.sae,
      destination: this.#peer.sae,
      ...(ksid === undefined ? {} : { key_stream_ID: ksid }),
      qos_parameters: { key_chunk_size: chunkBytes, timeout: timeoutMs },
    });
    return { word, ksid: (body["key_stream_ID"] ?? null) as Ksid | null, qos: null };
  }

  async getKey(ksid: Ksid, { index }: KeyWish = {}): Promise<Got> {
    if (index === undefined) return await this.#nextKey(ksid);
    const { body, word } = await this.#post("get_key", { key_stream_ID: ksid, indexes: [index] });
    if (body["keys"] === undefined) return { ...NO_KEY, word };
    const [key = ""] = body["keys"] as string[];
    const [given = null] = body["indexes"] as number[];
    return { ...NO_KEY, word, index: given, key: Buffer.from(key, "base64").toString("hex") };
  }

  async close(ksid: Ksid): Promise<string> {
    return (await this.#post("close", { key_stream_ID: ksid })).word;
  }

  /** The original's clients ask for the first index there is. */
  async #nextKey(ksid: Ksid): Promise<Got> {
    const { body, word } = wordOf(await this.#door(`${ACTIONS}get_id/${ksid}?count=1`, null));
    const [index] = (body["available_indexes"] ?? []) as number[];
    return index === undefined ? { ...NO_KEY, word } : await this.getKey(ksid, { index });
  }

  async #post(action: string, wish: object): Promise<{ readonly body: Body; readonly word: string }> {
    return wordOf(await this.#door(ACTIONS + action, JSON.stringify(wish)));
  }
}

function wordOf({ http, text }: { readonly http: number; readonly text: string }) {
  const body = JSON.parse(text) as Body;
  return { body, word: String(body["status"] ?? `HTTP ${http}`) };
}

const CANNOT: Binding["reasons"] = {
  "qos-told": "the answer of open_connect has no QoS",
  qos: "`qos_parameters` has the chunk's size and Timeout only",
  mimetype: "`qos_parameters` has no type of metadata",
  metadata: "the answer of get_key has no metadata",
  "metadata-size": "the answer of get_key has no metadata",
};

const actions = (name: string, reach: Reach): Binding => ({
  name,
  profile: "qkd-module",
  ...allBut(CANNOT),
  connect: (network, self, peer) => Promise.resolve(new ModuleApplication(reach(network, self), self, peer)),
  says: (call, status) => [
    // Whoever opens is not told whether the peer is there.
    String(call === "open" && status === "peer-not-connected" ? STATUS.success : MODULE_STATUS[status]),
  ],
});

export const moduleActions = actions("qkd-module", atEdge);
export const moduleActionsAtAgent = actions("qkd-module, agent", atAgent);

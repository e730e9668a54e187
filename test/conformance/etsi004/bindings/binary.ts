/** The frames of ETSI's gs004-app-int, on an agent's port. */
import type { GetKeyResponse, OpenResponse, Response } from "../../../../shared/etsi004/binary/messages.ts";
import { PROFILES } from "../../../../shared/etsi004/profiles.ts";
import { STATUS, type StatusName } from "../../../../shared/etsi004/status.ts";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import { askBinary, binaryClient, type LocalClient } from "../../../support/local-client.ts";
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
} from "../application.ts";
import { connectTo } from "./connect.ts";

class BinaryApplication implements Application {
  readonly #client: LocalClient<Response>;
  readonly #self: Party;
  readonly #peer: Party;

  constructor(client: LocalClient<Response>, self: Party, peer: Party) {
    this.#client = client;
    this.#self = self;
    this.#peer = peer;
  }

  async open({ ksid, qos }: OpenWish) {
    const { status, stream } = (await askBinary(this.#client, {
      type: "open-request",
      source: `client://${this.#self.sae}`,
      destination: `server://${this.#peer.sae}`,
      qos: qosWish(qos),
      ksid: ksid ?? null,
    })) as OpenResponse;
    return { word: String(status), ksid: stream?.ksid ?? null, qos: stream?.qos ?? null };
  }

  async getKey(ksid: Ksid, { index = 0, metadataSize = 0 }: KeyWish = {}): Promise<Got> {
    const answer = await askBinary(this.#client, { type: "get-key-request", ksid, index, metadataSize });
    const { status, chunk, neededSize } = answer as GetKeyResponse;
    if (chunk === null) return { ...NO_KEY, word: String(status), neededSize };
    return {
      word: String(status),
      index: chunk.index,
      key: Buffer.from(chunk.key).toString("hex"),
      metadata: chunk.metadata === "" ? null : chunk.metadata,
      neededSize,
    };
  }

  async close(ksid: Ksid): Promise<string> {
    const { status } = (await askBinary(this.#client, { type: "close-request", ksid })) as { readonly status: number };
    return String(status);
  }
}

function says(call: Call, status: StatusName): readonly string[] {
  if (status === "unknown-ksid") return [String(PROFILES.binary.unknownKsid)];
  // A frame with status 1 has no room for the KSID that was allocated.
  if (call === "open" && status === "peer-not-connected") return [String(STATUS.success)];
  return [String(STATUS[status])];
}

const CANNOT: Binding["reasons"] = { next: "a frame of GET_KEY always has an index" };

export const binary: Binding = {
  name: "binary",
  profile: "binary",
  ...allBut(CANNOT),
  connect: async (network, self, peer) =>
    new BinaryApplication(binaryClient(await connectTo(network, "etsi004Binary", self.node)), self, peer),
  says,
};

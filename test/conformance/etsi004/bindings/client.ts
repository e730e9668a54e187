/** `/api/v1/streams` by the client library, as an application in TypeScript calls it. */
import { Etsi004Client, RefusedError, StreamError } from "../../../../client/index.ts";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import type { RunningNetwork } from "../../../support/run-network.ts";
import {
  allBut,
  type Application,
  type Binding,
  type Got,
  type KeyWish,
  NO_KEY,
  type Opened,
  type OpenWish,
  type Party,
  qosWish,
} from "../application.ts";
import { native } from "./native.ts";

const SUCCESS = "0";

class ClientApplication implements Application {
  readonly #client: Etsi004Client;
  readonly #self: Party;
  readonly #peer: Party;

  constructor({ edge, tokens }: RunningNetwork, self: Party, peer: Party) {
    // It asks again where there was no key, but waits for nothing in between.
    this.#client = new Etsi004Client({ baseUrl: edge, token: tokens[self.sae] ?? "", pause: () => Promise.resolve() });
    this.#self = self;
    this.#peer = peer;
  }

  async open({ ksid, qos }: OpenWish): Promise<Opened> {
    const wish = { source: this.#self.sae, destination: this.#peer.sae, qos: qosWish(qos) };
    try {
      const opened = await this.#client.openConnect(ksid === undefined ? wish : { ...wish, ksid });
      return { word: String(opened.status), ksid: opened.ksid as Ksid, qos: opened.qos };
    } catch (error) {
      return { word: wordOf(error), ksid: null, qos: (error instanceof StreamError && error.qos) || null };
    }
  }

  async getKey(ksid: Ksid, wish: KeyWish = {}): Promise<Got> {
    try {
      const { index, key, metadata } = await this.#client.getKey(ksid, wish);
      const told = metadata === null ? null : JSON.stringify(metadata);
      return { ...NO_KEY, word: SUCCESS, index, key: Buffer.from(key).toString("hex"), metadata: told };
    } catch (error) {
      return {
        ...NO_KEY,
        word: wordOf(error),
        neededSize: (error instanceof StreamError ? error.metadataSize : undefined) ?? null,
      };
    }
  }

  async close(ksid: Ksid): Promise<string> {
    try {
      await this.#client.close(ksid);
      return SUCCESS;
    } catch (error) {
      return wordOf(error);
    }
  }
}

function wordOf(error: unknown): string {
  if (error instanceof StreamError) return String(error.status);
  if (error instanceof RefusedError) return `HTTP ${error.httpStatus}`;
  throw error;
}

const CANNOT: Binding["reasons"] = {
  "no-bytes": "0 leaves the chunk's size to the system",
};

export const client: Binding = {
  ...native,
  name: "client",
  ...allBut(CANNOT),
  connect: (network, self, peer) => Promise.resolve(new ClientApplication(network, self, peer)),
};

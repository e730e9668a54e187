/** `/api/v1/streams` by the client library, as an application in TypeScript calls it. */
import { Etsi004Client, type Fetch, RefusedError, StreamError } from "../../../../client/index.ts";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
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
  type Said,
  saidCode,
} from "../application.ts";
import type { Reach } from "../reach.ts";
import { native } from "./native.ts";

const SUCCESS = saidCode(0);

/** With the party's credentials, and into the transcript. */
const fetchBy =
  (reach: Reach): Fetch =>
  async (url, { body = null, headers }) => {
    const { pathname, search, origin } = new URL(url);
    const { status, text } = await reach.http({ base: origin, path: pathname + search, body, headers });
    return new Response(text, { status });
  };

/** It asks again where there was no key, but waits for nothing in between. */
const noPause = (): Promise<void> => Promise.resolve();

class ClientApplication implements Application {
  readonly #client: Etsi004Client;
  readonly #self: Party;
  readonly #peer: Party;

  constructor(self: Party, peer: Party) {
    const { access } = self.reach;
    this.#client = new Etsi004Client({ baseUrl: access.at, fetch: fetchBy(self.reach), pause: noPause });
    this.#self = self;
    this.#peer = peer;
  }

  async open({ ksid, qos }: OpenWish): Promise<Opened> {
    const wish = {
      source: this.#self.address ?? this.#self.sae,
      destination: this.#peer.address ?? this.#peer.sae,
      qos: qosWish(this.#self, qos),
    };
    try {
      const opened = await this.#client.openConnect(ksid === undefined ? wish : { ...wish, ksid });
      return { said: saidCode(opened.status), ksid: opened.ksid as Ksid, qos: opened.qos };
    } catch (error) {
      return { said: saidBy(error), ksid: null, qos: (error instanceof StreamError && error.qos) || null };
    }
  }

  async getKey(ksid: Ksid, wish: KeyWish = {}): Promise<Got> {
    try {
      const { index, key, metadata } = await this.#client.getKey(ksid, wish);
      const told = metadata === null ? null : JSON.stringify(metadata);
      return { ...NO_KEY, said: SUCCESS, index, key: Buffer.from(key).toString("hex"), metadata: told };
    } catch (error) {
      return {
        ...NO_KEY,
        said: saidBy(error),
        neededSize: (error instanceof StreamError ? error.metadataSize : undefined) ?? null,
      };
    }
  }

  async close(ksid: Ksid): Promise<Said> {
    try {
      await this.#client.close(ksid);
      return SUCCESS;
    } catch (error) {
      return saidBy(error);
    }
  }

  end(): void {}
}

function saidBy(error: unknown): Said {
  if (error instanceof StreamError) return saidCode(error.status);
  if (error instanceof RefusedError) return saidCode(`HTTP ${error.httpStatus}`);
  throw error;
}

const CANNOT: Binding["reasons"] = {
  "no-bytes": "0 leaves the chunk's size to the system",
};

export const client: Binding = {
  ...native,
  name: "client",
  ...allBut(CANNOT),
  connect: (self, peer) => Promise.resolve(new ClientApplication(self, peer)),
};

/** Questions to neighbours that run qkd-trusted-node, and to the KMEs of the links with them. */
import { fromBase64 } from "../../shared/bytes/base64.ts";
import { fail, type Fault, type JsonValue } from "../../shared/errors/errors.ts";
import { parseShape } from "../../shared/errors/members.ts";
import {
  DiscoverAnswerSchema,
  type ExtKeysRequest,
  KeySchema,
  type LegacyKey,
  LinkKeysSchema,
  PATHS,
  VoidAnswerSchema,
  type VoidRequest,
  type WalkedNode,
} from "../../shared/qkd-trusted-node/messages.ts";
import type { LegacyNeighbour, LegacyView } from "../../shared/qkd-trusted-node/rpc.ts";
import type { Key } from "../../shared/qkd-trusted-node/walk.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { Services } from "./services.ts";

const BITS_PER_BYTE = 8;

/** A neighbour, as seen from the node. */
export interface Beside {
  readonly view: LegacyView;
  readonly neighbour: LegacyNeighbour;
}

export class Peers {
  readonly #services: Services;

  constructor(services: Services) {
    this.#services = services;
  }

  async discover({ view, neighbour }: Beside, walked: readonly WalkedNode[], distance: number) {
    const json = await this.#services.ask(view, {
      service: neighbour.service,
      path: PATHS.discover,
      body: { walked_nodes: walked, distance },
    });
    return json.ok ? parsed(DiscoverAnswerSchema, json.value, neighbour.service) : json;
  }

  async extKeys({ view, neighbour }: Beside, request: ExtKeysRequest): Promise<Result<LegacyKey, Fault>> {
    const { key, ...rest } = request;
    const body = key === null ? rest : request;
    const json = await this.#services.ask(view, { service: neighbour.service, path: PATHS.extKeys, body });
    return json.ok ? parsed(KeySchema, json.value, neighbour.service) : json;
  }

  async fetch({ view, neighbour }: Beside, request: VoidRequest): Promise<Result<LegacyKey[], Fault>> {
    const json = await this.#services.ask(view, { service: neighbour.service, path: PATHS.void, body: request });
    return json.ok ? parsed(VoidAnswerSchema, json.value, neighbour.service) : json;
  }

  /** New keys of the link: each has at least so many bytes. */
  async newLinkKeys(beside: Beside, number: number, sizeBytes: number): Promise<Result<readonly Key[], Fault>> {
    const keys = await this.#linkKeys(beside, `enc_keys?number=${number}&size=${sizeBytes * BITS_PER_BYTE}`);
    if (!keys.ok) return keys;
    const isEnough = keys.value.length === number && keys.value.every(({ bytes }) => bytes.length >= sizeBytes);
    return isEnough ? keys : refuse(keys.value, beside, "gives other keys than it was asked for");
  }

  /** The link's key of this ID, which the neighbour has taken at its own end. */
  async linkKey(beside: Beside, id: string): Promise<Result<Uint8Array, Fault>> {
    const keys = await this.#linkKeys(beside, `dec_keys?key_ID=${id}`);
    if (!keys.ok) return keys;
    const [key, ...more] = keys.value;
    if (key?.id !== id || more.length > 0) return refuse(keys.value, beside, "gives another key than it was asked for");
    return ok(key.bytes);
  }

  async #linkKeys({ view, neighbour }: Beside, method: string): Promise<Result<readonly Key[], Fault>> {
    const { kmeService: service } = neighbour;
    const path = `/api/v1/keys/${encodeURIComponent(neighbour.id)}/${method}`;
    const json = await this.#services.ask(view, { service, path });
    const container = json.ok ? parsed(LinkKeysSchema, json.value, service) : json;
    if (!container.ok) return container;
    return ok(
      container.value.keys.map(({ key_ID: id, key }) => ({
        id: id.toLowerCase(),
        bytes: fromBase64(key) ?? new Uint8Array(),
      })),
    );
  }
}

function refuse(keys: readonly Key[], { neighbour }: Beside, words: string) {
  for (const { bytes } of keys) bytes.fill(0);
  return fail("unavailable", `${neighbour.kmeService}: ${words}`);
}

/** What is wrong with an answer is nothing for who asked us: which service it was is enough. */
function parsed<Schema extends Parameters<typeof parseShape>[0]>(schema: Schema, json: JsonValue, service: string) {
  const shape = parseShape(schema, json, service);
  return shape.ok ? shape : fail("unavailable", `${service}: answers what makes no sense`);
}

/**
 * A stand-in for qkd-trusted-node (next-door-key): what that does on the wire, in the order in which it does it, by
 * settings of its own form. Its habits are kept: it remembers whom it has asked, takes an SAE's word for nothing but its
 * certificate, compares nobody's slave, and forgets a key when `void` is called for it.
 */
import {
  type Identity,
  type OriginalCall,
  type OriginalServer,
  askOriginal,
  Refusal,
  serveOriginal,
} from "./original-http.ts";

interface Walked {
  trusted_node_id: string;
  kme_ids: string[];
  sae_ids: string[];
  trusted_node_ids: string[];
  distance: number;
}
interface KeyOf {
  key_ID: string;
  key: string;
}
interface ExtKeys {
  readonly first_key_id: string;
  readonly key_id: string;
  readonly key?: string | null;
  readonly initiator_sae_id: string;
  readonly target_sae_node_id: string;
  readonly path_to_go: readonly string[];
  readonly discovered_network: readonly Walked[];
}
interface Void {
  readonly key_ids: readonly string[];
  readonly path_to_go: readonly string[];
  readonly discovered_network: readonly Walked[];
}

/** What of settings-tnN.json shows on the wire. */
export interface OriginalSettings {
  readonly id: string;
  /** Distance 0: ours; 1: at the other end of the link. */
  readonly attached_kmes: readonly { readonly url: string; readonly kme_id: string; readonly distance: 0 | 1 }[];
  readonly attached_saes: readonly { readonly sae_id: string }[];
  readonly attached_trusted_nodes: readonly { readonly url: string; readonly id: string }[];
}

const some = <T>(found: T | undefined): T => {
  if (found === undefined) throw new Error("not found");
  return found;
};

/** As far as the shorter goes. */
function xor(a: string, b: string): string {
  const [first, second] = [Buffer.from(a, "base64"), Buffer.from(b, "base64")];
  const length = Math.min(first.length, second.length);
  return Buffer.from(first.subarray(0, length).map((byte, at) => byte ^ (second[at] as number))).toString("base64");
}

export class OriginalNode {
  readonly server: OriginalServer;
  readonly activated = new Map<string, KeyOf>();
  #settings: OriginalSettings;
  readonly #identity: Identity;
  /** Answers of ext_keys and void hold other keys than they should. */
  liesAboutKeys = false;
  /** The list that discovery begins with is the same each time: it only grows. */
  readonly #remembered: Walked[] = [];

  private constructor(server: OriginalServer, identity: Identity, id: string) {
    this.server = server;
    this.#identity = identity;
    this.#settings = { id, attached_kmes: [], attached_saes: [], attached_trusted_nodes: [] };
  }

  static async start(identity: Identity, id: string): Promise<OriginalNode> {
    let node: OriginalNode | undefined;
    const server = await serveOriginal(identity, async (call) => await some(node).#answer(call));
    node = new OriginalNode(server, identity, id);
    return node;
  }

  /** Addresses are known only once all have started. */
  configure(settings: Omit<OriginalSettings, "id">): void {
    this.#settings = { ...settings, id: this.#settings.id };
  }

  async #answer(call: OriginalCall): Promise<unknown> {
    const { path, body, caller, query } = call;
    if (path === "/api/v1/discover/trusted_nodes") {
      const { walked_nodes: walked, distance } = body as { walked_nodes: Walked[]; distance: number };
      return { walked_nodes: await this.#discover(walked, distance) };
    }
    if (path === "/api/v1/kmapi/versions") return { versions: ["v1"], extension: {} };
    if (path === "/api/v1/kmapi/v1/ext_keys") return this.#told(await this.#extKeys(caller, body as ExtKeys));
    if (path === "/api/v1/kmapi/v1/void") return this.#told(await this.#void(caller, body as Void));
    const [, sae = "", method] = /^\/api\/v1\/keys\/([^/]+)\/(enc_keys|dec_keys)$/.exec(path) ?? [];
    if (!this.#settings.attached_saes.some(({ sae_id: id }) => id === caller)) {
      throw new Refusal("The calling SAE certificate is not found in local DB");
    }
    if (method === "enc_keys") return await this.#encKeys(caller, sae, query);
    if (method === "dec_keys") return await this.#decKeys(caller, sae, query.get("key_ID") ?? "");
    throw new Refusal("Not Found");
  }

  #told(answer: unknown): unknown {
    const other = { key: Buffer.alloc(16, 1).toString("base64") };
    if (!this.liesAboutKeys) return answer;
    return Array.isArray(answer)
      ? answer.map((key: KeyOf) => ({ ...key, ...other }))
      : { ...(answer as KeyOf), ...other };
  }

  async #discover(walked: Walked[] = this.#remembered, distance = 0): Promise<Walked[]> {
    const { id, attached_kmes: kmes, attached_saes: saes, attached_trusted_nodes: nodes } = this.#settings;
    const own: Walked = {
      trusted_node_id: id,
      kme_ids: kmes.map(({ kme_id: kme }) => kme),
      sae_ids: saes.map(({ sae_id: sae }) => sae),
      trusted_node_ids: nodes.map(({ id: node }) => node),
      distance,
    };
    walked.push(own);
    for (const node of nodes) {
      if (walked.some(({ trusted_node_id: known }) => known === node.id)) continue;
      let answer: { walked_nodes: Walked[] };
      try {
        const asked = { walked_nodes: walked, distance: distance + 1 };
        answer = (await this.#ask(`${node.url}/api/v1/discover/trusted_nodes`, asked)) as typeof answer;
      } catch {
        return [own];
      }
      for (const heard of answer.walked_nodes) {
        if (!walked.some((each) => JSON.stringify(each) === JSON.stringify(heard))) walked.push(heard);
      }
    }
    return walked;
  }

  /** Breaks down over a neighbour of whom nothing has been heard. */
  #path(nodes: readonly Walked[], to: string): string[] {
    const edges = new Map(nodes.map(({ trusted_node_id: id }) => [id, new Set<string>()]));
    for (const { trusted_node_id: id, trusted_node_ids: others } of nodes) {
      for (const other of others) {
        some(edges.get(id)).add(other);
        some(edges.get(other)).add(id);
      }
    }
    const before = new Map<string, string>([[this.#settings.id, ""]]);
    for (const node of before.keys())
      for (const next of some(edges.get(node))) if (!before.has(next)) before.set(next, node);
    const path: string[] = [];
    for (let node = to; node !== ""; node = some(before.get(node))) path.unshift(node);
    return path;
  }

  async #route(
    sae: string,
    which: string,
  ): Promise<{ readonly nodes: Walked[]; readonly path: string[]; readonly target: string }> {
    const nodes = await this.#discover();
    const target = nodes.find(
      ({ trusted_node_id: id, sae_ids: saes }) => id !== this.#settings.id && saes.includes(sae),
    );
    if (target === undefined) throw new Refusal(`The given ${which} cannot be routed to`);
    return { nodes, path: this.#path(nodes, target.trusted_node_id), target: target.trusted_node_id };
  }

  async #encKeys(master: string, slave: string, query: URLSearchParams): Promise<unknown> {
    const { nodes, path, target } = await this.#route(slave, "slave_sae_id");
    const next = some(path[1]);
    const kme = this.#kmeFor(some(nodes.find(({ trusted_node_id: id }) => id === next)));
    const number = query.get("number") ?? "1";
    const size = query.get("size") ?? "128";
    const got = await this.#ask(`${kme}/api/v1/keys/${next}/enc_keys?number=${number}&size=${size}`);
    const keys: unknown[] = [];
    for (const key of (got as { keys: KeyOf[] }).keys) {
      this.activated.set(key.key_ID, key);
      keys.push(
        await this.#askNode(next, "ext_keys", {
          first_key_id: key.key_ID,
          key_id: key.key_ID,
          initiator_trusted_node_id: this.#settings.id,
          initiator_sae_id: master,
          target_trusted_node_id: target,
          target_sae_node_id: slave,
          path_to_go: path.slice(1),
          discovered_network: nodes,
        }),
      );
    }
    return { keys };
  }

  async #decKeys(slave: string, master: string, id: string): Promise<unknown> {
    const { nodes, path } = await this.#route(master, "master_sae_id");
    this.#deactivate(id);
    const keys = await this.#askNode(some(path[1]), "void", {
      key_ids: [id],
      initiator_sae_id: master,
      target_sae_id: slave,
      path_to_go: path.slice(1),
      discovered_network: nodes,
    });
    return { keys };
  }

  async #extKeys(caller: string, data: ExtKeys): Promise<unknown> {
    const kme = this.#kmeFor(some(data.discovered_network.find(({ trusted_node_id: id }) => id === caller)));
    const got = await this.#ask(`${kme}/api/v1/keys/${caller}/dec_keys?key_ID=${data.key_id}`);
    const key = some((got as { keys: KeyOf[] }).keys[0]);
    const rest = data.path_to_go.slice(1);
    if (data.key != null) {
      key.key_ID = data.first_key_id;
      key.key = xor(data.key, key.key);
    }
    const [next] = rest;
    if (next === undefined) {
      this.activated.set(key.key_ID, key);
      return key;
    }
    const nextKme = this.#kmeFor(some(data.discovered_network.find(({ trusted_node_id: id }) => id === next)));
    const size = Buffer.from(key.key, "base64").length * 8;
    const more = (await this.#ask(`${nextKme}/api/v1/keys/${next}/enc_keys?size=${size}`)) as { keys: KeyOf[] };
    const nextKey = some(more.keys[0]);
    const masked = xor(key.key, nextKey.key);
    return await this.#askNode(next, "ext_keys", { ...data, key_id: nextKey.key_ID, key: masked, path_to_go: rest });
  }

  async #void(caller: string, data: Void): Promise<unknown> {
    this.#kmeFor(some(data.discovered_network.find(({ trusted_node_id: id }) => id === caller)));
    const rest = data.path_to_go.slice(1);
    const [next] = rest;
    if (next !== undefined) return await this.#askNode(next, "void", { ...data, path_to_go: rest });
    return data.key_ids.map((id) => this.#deactivate(id));
  }

  #deactivate(id: string): KeyOf {
    const key = some(this.activated.get(id));
    this.activated.delete(id);
    return { key_ID: key.key_ID, key: key.key };
  }

  /** Its own KME of the link with a node: one that the node knows, too. */
  #kmeFor({ kme_ids: kmes }: Walked): string {
    return some(this.#settings.attached_kmes.find(({ kme_id: id, distance }) => distance === 0 && kmes.includes(id)))
      .url;
  }

  async #askNode(id: string, call: "ext_keys" | "void", body: unknown): Promise<unknown> {
    const { url } = some(this.#settings.attached_trusted_nodes.find((node) => node.id === id));
    return await this.#ask(`${url}/api/v1/kmapi/v1/${call}`, body);
  }

  async #ask(url: string, body?: unknown): Promise<unknown> {
    return await askOriginal(this.#identity, url, body);
  }
}

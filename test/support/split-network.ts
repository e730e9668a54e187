/**
 * A network of simulated links in two deployments that know each other. What crosses between them is no simulation's to
 * make: the test stands for the devices at both ends, and pushes the same to each.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { type Deployments, deployments } from "./deployments.ts";
import { pushLink } from "./network-document.ts";
import { changeNetwork, eventually } from "./operator.ts";
import { linkOf, nodeOfSae, type NodePair, PREFILL, relayNetwork, saeOf } from "./relay-network.ts";
import { runNetwork, type RunningNetwork } from "./run-network.ts";

const BLOCK_BYTES = 64 * 1024;
/** About the rate of the simulated links. */
const PAUSE_MS = 1000;
/** Of a pool that is full, or a link that is not there. */
const RETRY_MS = 200;
const READY_MS = 60_000;
/** As much as simulated links begin with. */
const FIRST_BLOCKS = 4;

export class SplitNetwork {
  readonly network: Deployments;
  readonly #both: readonly RunningNetwork[];
  readonly #over = new AbortController();
  readonly #dry = new Set<string>();
  #feeding: Promise<unknown> = Promise.resolve();

  private constructor(both: readonly RunningNetwork[]) {
    this.#both = both;
    this.network = deployments(both, nodeOfSae);
  }

  /** @param hosted nodes of each deployment */
  static async run(
    hosted: readonly (readonly string[])[],
    links: readonly NodePair[],
    policy: NetworkDocumentInput["policy"],
  ): Promise<SplitNetwork> {
    const started = await Promise.allSettled(
      hosted.map(async (nodes) => {
        const own = links.filter((pair) => pair.every((node) => nodes.includes(node)));
        return await runNetwork({ network: relayNetwork(nodes, own, policy), args: PREFILL });
      }),
    );
    const split = new SplitNetwork(started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : [])));
    try {
      for (const each of started) if (each.status === "rejected") throw each.reason;
      await split.#begin(links);
      return split;
    } catch (thrown) {
      await split.stop();
      throw thrown;
    }
  }

  /** Whether new key comes to a link between the deployments. */
  feed(link: string, isFed: boolean): void {
    if (isFed) this.#dry.delete(link);
    else this.#dry.add(link);
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.#feeding;
    await Promise.all(this.#both.map(async (each) => await each.stop()));
  }

  async #begin(links: readonly NodePair[]): Promise<void> {
    const between = links.filter((pair) => this.network.ofLink([...pair]).length === this.#both.length);
    await Promise.all(this.#both.map(async (each) => await this.#introduce(each, between)));
    this.#feeding = Promise.all(between.map(async (pair) => await this.#feed(pair)));
    await this.#untilAllHaveKeys();
  }

  async #introduce(to: RunningNetwork, between: readonly NodePair[]): Promise<void> {
    const theirs = this.#both.filter((each) => each !== to);
    const entries = await Promise.all(
      theirs.flatMap((each) => Object.keys(each.kme).map(async (node) => await entryOf(each, node))),
    );
    await changeNetwork(to, (document) => ({
      ...document,
      nodes: [...document.nodes, ...entries],
      links: [...document.links, ...between.map((pair) => pushLink(linkOf(pair), ...pair))],
    }));
  }

  /** Each has heard of the others' SAEs and links, and has had a key with each of them. */
  async #untilAllHaveKeys(): Promise<void> {
    const nodes = Object.keys(this.network.kme);
    const isElsewhere = (from: string, to: string): boolean => this.network.at(from) !== this.network.at(to);
    const pairs = nodes.flatMap((from) => nodes.filter((to) => isElsewhere(from, to)).map((to) => [from, to] as const));
    const statusOf = async (from: string, to: string): Promise<number> =>
      (await this.network.request(from, saeOf(from), `/api/v1/keys/${saeOf(to)}/enc_keys`)).status;
    await Promise.all(pairs.map(async ([from, to]) => await eventually(() => statusOf(from, to), isGiven, READY_MS)));
  }

  /** One block after the other, until it is over. */
  async #feed(pair: NodePair): Promise<void> {
    const { signal } = this.#over;
    const link = linkOf(pair);
    for (let number = 0; !signal.aborted;) {
      const isDry = this.#dry.has(link);
      if (!isDry) {
        const block = randomBytes(BLOCK_BYTES);
        await Promise.all(pair.map(async (node) => await this.#push(link, node, `block-${number}`, block)));
        number++;
      }
      if (isDry || number >= FIRST_BLOCKS) await sleep(PAUSE_MS, null, { signal }).catch(() => null);
    }
  }

  /** Until it is taken, or was before: an edge that cannot be reached is asked again, as by a device. Rejects never. */
  async #push(link: string, node: string, block: string, bytes: Buffer): Promise<void> {
    const { signal } = this.#over;
    const path = `/api/v1/links/${link}/blocks/${block}?node=${node}`;
    while (!signal.aborted) {
      const init = { method: "PUT", body: new Uint8Array(bytes), signal };
      const answer = await this.network
        .at(node)
        .fetch(path, "operator", init)
        .catch(() => null);
      if (answer?.ok === true) return;
      await sleep(RETRY_MS, null, { signal }).catch(() => null);
    }
  }
}

const isGiven = (status: number): boolean => status === 200;

/** As its operator hands it over to the other. */
async function entryOf(deployment: RunningNetwork, id: string) {
  const response = await deployment.fetch(`/api/v1/nodes/${id}/identity`, "operator");
  const { node: _, ...keys } = (await response.json()) as { node: string; ed25519: string; ml_dsa_65: string };
  return { id, remote: { url: deployment.edge, ...keys, saes: [saeOf(id)] } };
}

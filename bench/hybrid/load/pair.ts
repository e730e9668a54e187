/** The two applications of one session after the other: both ends' calls at once, each key checked to be the same. */
import { Fingerprints } from "../../load/fingerprints.ts";
import { isMixedOf, openData } from "../addresses.ts";
import { type JsonAnswer, JsonClient } from "./client.ts";
import type { Ports } from "./jobs.ts";

const seen = new Fingerprints();

export class Pair {
  readonly #ends: readonly [JsonClient, JsonClient];
  readonly #kems: readonly string[];
  readonly #open: object;
  #ksid = "";
  #checkedKeys = 0;

  private constructor(ends: readonly [JsonClient, JsonClient], kems: readonly string[], number: number) {
    this.#ends = ends;
    this.#kems = kems;
    this.#open = openData(kems, number);
  }

  /** @param number of the pair: those at work at once have different ones */
  static async connect({ initiator, responder }: Ports, kems: readonly string[], number: number): Promise<Pair> {
    return new Pair([await JsonClient.connect(initiator), await JsonClient.connect(responder)], kems, number);
  }

  /** Each equal at both ends, and none twice. */
  get checkedKeys(): number {
    return this.#checkedKeys;
  }

  async open(): Promise<void> {
    const [one, other] = await this.#both("OPEN_CONNECT", this.#open);
    if (one["key_stream_id"] !== other["key_stream_id"]) throw new Error("the two ends have different streams");
    this.#ksid = String(one["key_stream_id"]);
  }

  async getKey(index: number): Promise<void> {
    const [one, other] = await this.#both("GET_KEY", { key_stream_id: this.#ksid, index });
    const [key, otherKey] = [keyOf(one), keyOf(other)];
    if (!key.equals(otherKey)) throw new Error("the two ends got unequal keys");
    if (!seen.add(key)) throw new Error("a key was given out twice");
    for (const { metadata } of [one, other] as readonly { metadata?: { buffer?: string } }[]) {
      if (!isMixedOf(JSON.parse(metadata?.buffer ?? "{}"), this.#kems)) throw new Error("a key of other sources");
    }
    this.#checkedKeys += 1;
  }

  async close(): Promise<void> {
    await this.#both("CLOSE", { key_stream_id: this.#ksid });
  }

  hangUp(): void {
    for (const end of this.#ends) end.close();
  }

  /** @throws Error where either end refuses: a refusal's message holds no key */
  async #both(command: string, data: object): Promise<readonly [JsonAnswer, JsonAnswer]> {
    const [one, other] = this.#ends;
    const answers = await Promise.all([one.ask(command, data), other.ask(command, data)]);
    const refused = answers.find(({ status }) => status !== 0);
    if (refused !== undefined) throw new Error(`${command}: ${String(refused["message"])}`);
    return answers;
  }
}

const keyOf = (answer: JsonAnswer): Buffer => Buffer.from(answer["key_buffer"] as number[]);

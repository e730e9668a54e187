/** What a case has to work with: the applications of one binding, and what they are judged by. */
import { expect } from "vitest";
import { ksidOfText } from "../../../shared/etsi004/ksid.ts";
import type { Qos } from "../../../shared/etsi004/qos.ts";
import type { StatusName } from "../../../shared/etsi004/status.ts";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import type { RunningNetwork } from "../../support/run-network.ts";
import { A, type Application, B, type Binding, type Call, type Got, type KeyWish, type Party } from "./application.ts";
import { native } from "./bindings/native.ts";

export const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
export const newKsid = (): Ksid => ksidOfText(crypto.randomUUID()) ?? expect.unreachable();

/** A stream that both ends have opened. */
export interface Meeting {
  readonly a: Application;
  readonly b: Application;
  readonly ksid: Ksid;
  /** As the first end was told; null where the binding tells of none. */
  readonly qos: Qos | null;
}

export interface MeetingWish {
  readonly qos?: Partial<Qos>;
  /** Both open this one, each waiting for the other. */
  readonly ksid?: Ksid;
  readonly label?: string;
}

export class Stage {
  readonly network: RunningNetwork;
  readonly binding: Binding;

  constructor(network: RunningNetwork, binding: Binding) {
    this.network = network;
    this.binding = binding;
  }

  async a(peer: Party = B): Promise<Application> {
    return await this.binding.connect(this.network, A, peer);
  }

  async b(): Promise<Application> {
    return await this.binding.connect(this.network, B, A);
  }

  /** Two applications that meet, whatever the binding under test, by the native one. */
  async others(one: Party, other: Party): Promise<Meeting> {
    const a = await native.connect(this.network, one, other);
    const b = await native.connect(this.network, other, one);
    return await meetWithKsid(native, a, b, {});
  }

  async meet(wish: MeetingWish = {}): Promise<Meeting> {
    const [a, b] = [await this.a(), await this.b()];
    const meeting = this.binding.can.has("ksid") ? meetWithKsid : meetByUris;
    return await meeting(this.binding, a, b, { label: crypto.randomUUID(), ...wish });
  }

  /** Does the word mean one of these? */
  expectWord(call: Call, word: string, ...statuses: readonly StatusName[]): void {
    const words = statuses.flatMap((status) => this.binding.says(call, status));
    expect(words, `${call} says ${word}`).toContain(word);
  }

  /** The chunk of that index, by its index or (asked for in order) as the next. */
  async chunk(app: Application, ksid: Ksid, index: number, more: Omit<KeyWish, "index"> = {}): Promise<Got> {
    const got = await app.getKey(ksid, this.binding.can.has("index") ? { index, ...more } : more);
    this.expectWord("get-key", got.word, "success");
    expect(got.index).toBe(index);
    return got;
  }

  /** GET_KEY of it gives no key, but one of these. */
  async expectNoKey(app: Application, ksid: Ksid, index: number, ...statuses: readonly StatusName[]): Promise<void> {
    const got = await app.getKey(ksid, this.binding.can.has("index") ? { index } : {});
    this.expectWord("get-key", got.word, ...statuses);
    expect(got.key === "").toBe(true);
  }
}

type Meet = (binding: Binding, a: Application, b: Application, wish: MeetingWish) => Promise<Meeting>;

const meetWithKsid: Meet = async (binding, a, b, { qos = {}, ksid }) => {
  const first = ksid === undefined ? await a.open({ qos }) : null;
  const known = ksid ?? first?.ksid ?? expect.unreachable(`OPEN_CONNECT says ${first?.word}`);
  const opens = await Promise.all([first ?? a.open({ ksid: known, qos }), b.open({ ksid: known, qos })]);
  return met(binding, a, b, opens);
};

const meetByUris: Meet = async (binding, a, b, { qos = {}, label = "" }) =>
  met(binding, a, b, await Promise.all([a.open({ qos, label }), b.open({ qos, label })]));

function met(
  binding: Binding,
  a: Application,
  b: Application,
  [one, other]: Awaited<ReturnType<Application["open"]>>[],
): Meeting {
  const good = (["success", "peer-not-connected"] as const).flatMap((status) => binding.says("open", status));
  for (const opened of [one, other]) expect(good, `OPEN_CONNECT says ${opened?.word}`).toContain(opened?.word);
  const ksid = one?.ksid ?? expect.unreachable();
  expect(other?.ksid).toBe(ksid);
  return { a, b, ksid, qos: one?.qos ?? null };
}

/** Equal or not: an assertion on the keys themselves would print them. */
export const expectSame = (one: Got, other: Got): void =>
  expect(one.key !== "" && one.key === other.key, "both ends have the same chunk").toBe(true);

export const expectDistinct = (chunks: readonly Got[]): void =>
  expect(new Set(chunks.map(({ key }) => key)).size, "chunks that differ").toBe(chunks.length);

export const bytesIn = ({ key }: Got): number => key.length / 2;

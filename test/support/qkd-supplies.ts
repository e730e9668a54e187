/** Supplies of QKD key for tests, as agents have them: against an edge of the tests' own, and a clock. */
import { expect, onTestFinished } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import type { Result } from "../../shared/result.ts";
import { type Asked, type FakeAnswer, fakeKey, FakeStreams, jsonAnswer, MODULE_GET_KEY } from "./fake-streams.ts";
import { Lines } from "./tunnel-agent.ts";
import { edgeStreams } from "../../tunnel/services/etsi004/edge-streams.ts";
import type { QkdNumber, QkdPeer } from "../../tunnel/services/hybrid/qkd/types.ts";
import { EdgeQkdSupply } from "../../tunnel/services/hybrid/qkd/supply.ts";

export const A = { sae: "sae-a", node: "tn-1", uuid: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa" };
export const B = { sae: "sae-c", node: "tn-2", uuid: "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb" };
export const TO_B: QkdPeer = { own: A, peer: B, allocates: "own" };
export const TO_A: QkdPeer = { own: B, peer: A, allocates: "peer" };

export const clock = { nowMs: 1_000_000 };
export const SLOW_MS = LIMITS.streamQuickMs + 1;
export const soon = (): AbortSignal => AbortSignal.timeout(30_000);

function supplyOf(edge: FakeStreams): EdgeQkdSupply {
  const { log } = new Lines();
  const streams = ({ sae, node }: { sae: string; node: string }) =>
    edgeStreams({ ask: edge.ask(sae, node), binding: "qkd-module", log });
  const supply = new EdgeQkdSupply({ streams, log, nowMs: () => clock.nowMs });
  onTestFinished(() => supply.close());
  return supply;
}

export async function pair() {
  const edge = await FakeStreams.start();
  return { edge, a: supplyOf(edge), b: supplyOf(edge) };
}

export const value = <T>(result: Result<T, string>): T => (result.ok ? result.value : expect.unreachable(result.error));
export const error = (result: Result<unknown, string>): string =>
  result.ok ? expect.unreachable("it went well") : result.error;
export const at = ({ ksid }: QkdNumber, number: number): QkdNumber => ({ ksid, number });
export const numbersOf = ({ path, body }: Asked): readonly number[] | null =>
  path === MODULE_GET_KEY ? (JSON.parse(body) as { indexes: number[] }).indexes : null;
export const isGetKey = (asked: Asked): boolean => numbersOf(asked) !== null;
export const isClose = ({ path }: Asked): boolean => path.endsWith("/close");
/** What was asked for, call by call. */
export const batches = (edge: FakeStreams): (readonly number[])[] =>
  edge.asked.map(numbersOf).filter((numbers) => numbers !== null);
export const opened = (edge: FakeStreams) => edge.asked.filter(({ path }) => path === "/api/v1/streams");
const keyOf = ({ ksid, number }: QkdNumber, count = 1): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, more) => fakeKey(ksid, number + more)));
export const isKey = (bytes: Uint8Array, first: QkdNumber, count = 1): boolean => keyOf(first, count).equals(bytes);

/** Answers once the test says so. */
export function held() {
  const { promise, resolve } = Promise.withResolvers<FakeAnswer | null>();
  const { promise: isAsked, resolve: asked } = Promise.withResolvers<void>();
  return { promise, resolve, isAsked, asked };
}
export const answered = (
  edge: FakeStreams,
  of: (numbers: readonly number[], asked: Asked) => ReturnType<FakeStreams["intercept"]>,
) => {
  edge.intercept = (asked) => {
    const numbers = numbersOf(asked);
    return numbers === null ? null : of(numbers, asked);
  };
};
export const status = (code: number): FakeAnswer => jsonAnswer(503, { status: code, message: "as the test says" });

/** A stream that both have used, some time ago. */
export async function begun(a: EdgeQkdSupply, b: EdgeQkdSupply): Promise<QkdNumber> {
  const first = value(await a.allocate(TO_B, 1, soon()));
  for (const [supply, to] of [
    [a, TO_B],
    [b, TO_A],
  ] as const) {
    expect(isKey(value(await supply.take(to, first, 1, soon())), first)).toBe(true);
  }
  clock.nowMs += SLOW_MS;
  return first;
}

import { describe, expect, test } from "vitest";
import { type ErrorCode, fail, type Fault, fault } from "../../shared/errors/errors.ts";
import { NO_WISHES, type Wishes } from "../../shared/etsi014/extensions.ts";
import type { NodeId, PairName } from "../../shared/ids.ts";
import type { LinkEntry } from "../../shared/network/document.ts";
import type { Route } from "../../shared/network/pairs.ts";
import { ok } from "../../shared/result.ts";
import { type Attempt, attemptsFor, firstToGive } from "./key-attempts.ts";

const ends = { pair: "n1|n2" as PairName, masterNode: "n1" as NodeId, slaveNode: "n2" as NodeId };
const link = { shards: 2 } as LinkEntry;
const overLink: Route = { ...ends, kind: "link", link, relayPaths: 1 };
const ROUTES = {
  link: overLink,
  "link alone": { ...overLink, relayPaths: null },
  node: { ...ends, kind: "same-node", link: null, relayPaths: null },
  relay: { ...ends, kind: "relay", link: null, relayPaths: 1 },
  "relay over two": { ...ends, kind: "relay", link: null, relayPaths: 2 },
} as const satisfies Record<string, Route>;

const nameOf = ({ pair, shards, maxHops }: Attempt): string =>
  `${pair === ends.pair ? "" : `${pair} `}${shards.join(",")}${maxHops === null ? "" : ` within ${maxHops}`}`;
const tried = (route: Route, firm: Partial<Wishes>, preferred = firm) =>
  attemptsFor(route, { firm: { ...NO_WISHES, ...firm }, preferred: { ...NO_WISHES, ...preferred } }).map(nameOf);

describe("where keys are asked for", () => {
  test.each<[keyof typeof ROUTES, Partial<Wishes>, string[]]>([
    ["link", {}, ["0,1", "60"]],
    ["link alone", {}, ["0,1"]],
    ["node", {}, ["0"]],
    ["relay", {}, ["60"]],
    ["relay over two", {}, ["61"]],
    ["link", { isDirect: true }, ["0,1"]],
    ["link", { maxHops: 1 }, ["0,1 within 1"]],
    ["link", { maxHops: 3 }, ["0,1 within 3", "60 within 3"]],
    ["link", { disjointPaths: 3 }, ["62"]],
    ["relay", { disjointPaths: 2, maxHops: 4 }, ["61 within 4"]],
    // The document asks for more than the client.
    ["relay over two", { disjointPaths: 1 }, ["61"]],
    ["relay over two", { disjointPaths: 4 }, ["63"]],
  ])("%s, wished for: %j", (route, wishes, expected) => expect(tried(ROUTES[route], wishes)).toEqual(expected));

  test.each<[keyof typeof ROUTES, Partial<Wishes>, (keyof typeof ROUTES)[], string[]]>([
    ["link", {}, ["link", "node", "relay"], ["0,1", "60"]],
    ["node", {}, ["relay"], ["0"]],
    // Pads that came over so many hops, and shares, are told apart in shards of relayed key only.
    ["link", { maxHops: 3 }, ["link", "relay"], ["n1|n3 60 within 3"]],
    ["link", { maxHops: 3 }, ["link"], ["0,1 within 3", "60 within 3"]],
    ["node", { maxHops: 3 }, ["relay"], ["n1|n3 60 within 3"]],
    ["relay", { maxHops: 3 }, ["relay"], ["60 within 3"]],
    ["link", {}, ["relay over two"], ["n1|n3 61"]],
    ["link", { disjointPaths: 2 }, ["relay"], ["61"]],
    ["relay", {}, ["relay over two"], ["61"]],
  ])("%s, wished for: %j, with further slaves over %j", (route, wishes, others, expected) => {
    const firm = { ...NO_WISHES, ...wishes };
    const routes = others.map((other): Route => ({ ...ROUTES[other], pair: "n1|n3" as PairName }));
    const attempts = attemptsFor(ROUTES[route], { firm, preferred: firm }, routes);
    expect(attempts.map(nameOf)).toEqual(expected);
  });

  test("what is preferred comes first, and nothing twice", () => {
    expect(tried(ROUTES.link, {}, { isDirect: true })).toEqual(["0,1", "60"]);
    expect(tried(ROUTES.link, {}, { disjointPaths: 2 })).toEqual(["61", "0,1", "60"]);
    expect(tried(ROUTES.relay, { maxHops: 5 }, { maxHops: 3 })).toEqual(["60 within 3", "60 within 5"]);
  });
});

describe("one attempt after the other", () => {
  const attempts = attemptsFor(overLink, { firm: NO_WISHES, preferred: NO_WISHES });
  const dry: Fault = { ...fault("not-enough-keys", "not enough keys available"), retryAfterSeconds: 3 };

  async function outcome(...answers: (Fault | ErrorCode | "keys")[]) {
    let asked = 0;
    const given = await firstToGive(attempts, async () => {
      const answer = answers[asked++] ?? "keys";
      if (answer === "keys") return ok(asked);
      return typeof answer === "string" ? fail(answer, `said ${answer}`) : { ok: false as const, error: answer };
    });
    return { asked, given };
  }

  test("a dry link's keys come over other nodes", async () => {
    expect(await outcome("keys")).toEqual({ asked: 1, given: ok(1) });
    for (const code of ["not-enough-keys", "no-route"] as const) {
      expect(await outcome(code, "keys")).toEqual({ asked: 2, given: ok(2) });
    }
  });

  test("where there are none either, the client hears why the link gave none, and what came of the other way", async () => {
    const { given } = await outcome(dry, "no-path");
    expect(given).toEqual({ ok: false, error: { ...dry, details: [{ relay: "no-path: said no-path" }] } });
    const refused = await outcome(dry, "rate-limited");
    expect(refused.given).toMatchObject({
      error: { code: "not-enough-keys", details: [{ relay: "said rate-limited" }] },
    });
  });

  test("of a link that has just gone, what came of the other way is all there is to hear", async () => {
    expect((await outcome("no-route", "link-budget")).given).toEqual(fail("link-budget", "said link-budget"));
  });

  test("whatever else a pool refuses is refused", async () => {
    for (const code of [
      "over-quota",
      "rate-limited",
      "unavailable",
      "forbidden",
      "audit-full",
      "idempotency-mismatch",
    ] as const) {
      expect(await outcome(code)).toEqual({ asked: 1, given: fail(code, `said ${code}`) });
    }
  });
});

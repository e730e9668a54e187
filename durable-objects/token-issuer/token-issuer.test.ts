/** Tokens of the KMS API, in a real object with a clock of the test's. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { tokenSha256 } from "../../shared/auth/token.ts";
import type { AuditEvent } from "../../shared/audit/event.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { Grant, Wish } from "../../shared/open-qkd-network/token-request.ts";
import type { IssueCall, UserAccount } from "../../shared/open-qkd-network/types.ts";
import { hashOf } from "../../test/support/in-workerd-kms.ts";
import type { ObjectsEnv } from "../env.ts";
import { Database } from "../storage/database.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { Issuing } from "./issuing.ts";
import { Ration } from "./ration.ts";
import { TokenStore } from "./store.ts";

const objects = env as unknown as ObjectsEnv;
const GRANTS: readonly Grant[] = ["password", "client_credentials", "refresh_token"];
/** Never hashed, as no secret is so long: it costs the ration, and no time. */
const ENDLESS = "x".repeat(LIMITS.kmsSecretChars + 1);

let client: IssueCall["client"];
let ann: UserAccount;
let decoy: string;
beforeAll(() => {
  client = { id: "app", secret: hashOf("app-secret"), grants: GRANTS, node: "n1" };
  ann = { id: "ann", password: hashOf("ann-password"), node: "n1" };
  decoy = hashOf("nobody's");
});

interface Bench {
  readonly issuing: Issuing;
  readonly store: TokenStore;
  readonly clock: { nowMs: number };
  readonly db: Database;
  /** What the audit log will hear. */
  readonly events: () => AuditEvent[];
}

const plenty = () => new Ration({ ratePerS: 1000, burst: 1000 }, 0);

let count = 0;
let name = "";
beforeEach(() => {
  name = `issuer-${(count += 1)}`;
});
/** What a test does with an issuer of its own. */
async function within(run: (bench: Bench) => void): Promise<void> {
  await runInDurableObject(objects.TOKEN_ISSUER.getByName(name) as never, (_: unknown, ctx: DurableObjectState) => {
    const clock = { nowMs: 1_000_000 };
    const db = new Database(ctx.storage);
    const store = new TokenStore(db);
    const outbox = new AuditOutbox(db, name, LIMITS);
    const issuing = new Issuing({ store, outbox, nowMs: () => clock.nowMs, hashes: plenty() });
    const events = () =>
      db
        .all<{ events: string }>("SELECT events FROM audit_outbox ORDER BY node, first_seq")
        .flatMap((row) => JSON.parse(row.events) as AuditEvent[]);
    run({ issuing, store, clock, db, events });
  });
}

const call = (wish: Wish, more: Partial<IssueCall> = {}): IssueCall => ({
  client,
  clientSecret: "app-secret",
  wish,
  user: wish.grant === "client_credentials" ? null : ann,
  decoy,
  auditOverflow: "refuse",
  ...more,
});
const byPassword = (password = "ann-password", more: Partial<IssueCall> = {}): IssueCall =>
  call({ grant: "password", username: "ann", password }, more);
const byToken = (token: string | null, more: Partial<IssueCall> = {}): IssueCall =>
  call({ grant: "refresh_token", token: token ?? "" }, more);

const byNobody = (password: string): IssueCall =>
  call({ grant: "password", username: "zed", password }, { user: null });

function tokensOf(issuing: Issuing, asked: IssueCall) {
  const issued = issuing.issue(asked);
  if (!issued.ok) throw new Error(issued.error.description);
  return issued.value;
}
const codeOf = (issuing: Issuing, asked: IssueCall): string => {
  const issued = issuing.issue(asked);
  return issued.ok ? "issued" : issued.error.code;
};

test("a password gives an access and a refresh token, and only their hashes are kept", async () => {
  await within(({ issuing, store, db, clock, events }) => {
    const { accessToken, refreshToken, expiresInSeconds } = tokensOf(issuing, byPassword());
    expect([accessToken, refreshToken]).toEqual([
      expect.stringMatching(/^qkdk\.app\.[\w-]{43}$/),
      expect.stringMatching(/^qkdk\.app\.[\w-]{43}$/),
    ]);
    expect(expiresInSeconds).toBe(43_199);
    expect(store.token(tokenSha256(accessToken))).toMatchObject({
      kind: "access",
      user: "ann",
      expiresMs: clock.nowMs + 43_199_000,
    });
    expect(store.token(tokenSha256(refreshToken ?? ""))?.kind).toBe("refresh");
    const everything = ["token", "sign_in", "failure", "audit_outbox"].map((table) => db.all(`SELECT * FROM ${table}`));
    expect(JSON.stringify(everything)).not.toMatch(/qkdk\.|ann-password|app-secret/);
    expect(events()).toMatchObject([{ act: "kms-token.issue", who: "kms-user:ann", node: "n1" }]);
  });
});

test("a name of nobody is answered as a wrong password is, and costs the same pauses", async () => {
  await within(({ issuing, clock }) => {
    const answers = ["known", "unknown"].map((who) =>
      Array.from({ length: LIMITS.kmsFreeFailures + 1 }, () =>
        issuing.issue(who === "known" ? byPassword(ENDLESS) : byNobody(ENDLESS)),
      ),
    );
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]?.[0]).toMatchObject({ error: { code: "invalid_grant", description: "Bad credentials" } });
    expect(answers[0]?.at(-1)).toMatchObject({ error: { code: "temporarily_unavailable", retryAfterSeconds: 1 } });
    clock.nowMs += LIMITS.kmsPauseMs;
    expect(codeOf(issuing, byPassword(`ann-password\0`))).toBe("invalid_grant");
  });
});

test("names of nobody take of the ration as all others do, though it be the decoy's own secret; so does who may not use the client", async () => {
  const foreign = { ...ann, clients: ["other"] };
  const others = [null, null, foreign, foreign];
  await within(({ issuing }) => {
    const codes = Array.from({ length: LIMITS.kmsHashes.burst + 1 }, (_, n) => {
      const user = others[n - LIMITS.kmsHashes.burst - 1 + others.length];
      const password = user === undefined ? ENDLESS : user === null ? "nobody's" : "ann-password";
      return codeOf(issuing, call({ grant: "password", username: `zed-${n}`, password }, { user: user ?? null }));
    });
    expect([codes.at(-2), codes.at(-1)]).toEqual(["invalid_grant", "temporarily_unavailable"]);
  });
});

test("in a pause only so many are compared with the password that is remembered", async () => {
  await within(({ issuing }) => {
    expect(codeOf(issuing, byPassword())).toBe("issued");
    const wrong = (times: number) => Array.from({ length: times }, () => codeOf(issuing, byPassword(ENDLESS)));
    wrong(LIMITS.kmsFreeFailures + LIMITS.kmsGlances.burst - 1);
    expect(codeOf(issuing, byPassword())).toBe("issued");
    wrong(LIMITS.kmsFreeFailures + LIMITS.kmsGlances.burst);
    expect(codeOf(issuing, byPassword())).toBe("temporarily_unavailable");
  });
});

test("all issuers of an isolate hash no more than one ration, and who does not know the client's secret takes nothing of its users'", async () => {
  await within(({ issuing, store, db, clock }) => {
    const guess = (at: Issuing) => codeOf(at, byPassword("ann-password", { clientSecret: ENDLESS }));
    const first = Array.from({ length: LIMITS.kmsHashes.burst + 1 }, () => guess(issuing));
    expect([first[0], first.at(-1)]).toEqual(["invalid_client", "temporarily_unavailable"]);
    clock.nowMs += 250;
    expect(codeOf(issuing, byPassword())).toBe("issued");

    const hashes = new Ration({ ratePerS: 1, burst: 1 }, clock.nowMs);
    const parts = { store, outbox: new AuditOutbox(db, name, LIMITS), nowMs: () => clock.nowMs, hashes };
    const codes = [new Issuing(parts), new Issuing(parts)].map((each) => guess(each));
    expect(codes).toEqual(["invalid_client", "temporarily_unavailable"]);
  });
});

test("each further wrong password doubles the pause; the right one after it makes them forgotten", async () => {
  await within(({ issuing, clock, store }) => {
    const retryAfter = (asked: IssueCall) => {
      const answer = issuing.issue(asked);
      return answer.ok ? 0 : (answer.error.retryAfterSeconds ?? 0);
    };
    for (let n = 0; n < LIMITS.kmsFreeFailures; n++) issuing.issue(byPassword(ENDLESS));
    expect(retryAfter(byPassword())).toBe(1);
    clock.nowMs += 1000;
    issuing.issue(byPassword(ENDLESS));
    expect(retryAfter(byPassword())).toBe(2);
    clock.nowMs += 2000;
    expect(codeOf(issuing, byPassword())).toBe("issued");
    expect(store.failures("ann")).toBeUndefined();
    // A password that is remembered is looked at whatever strangers have tried.
    for (let n = 0; n < LIMITS.kmsFreeFailures; n++) issuing.issue(byPassword(ENDLESS));
    expect(codeOf(issuing, byPassword())).toBe("issued");
  });
});

test("secrets are rationed; who was right a moment ago is not held up", async () => {
  await within(({ issuing, clock }) => {
    tokensOf(issuing, byPassword());
    const codes = Array.from({ length: LIMITS.kmsHashes.burst }, () =>
      codeOf(issuing, byPassword("ann-password", { clientSecret: ENDLESS })),
    );
    expect([codes[0], codes.at(-1)]).toEqual(["invalid_client", "temporarily_unavailable"]);
    expect(codeOf(issuing, byPassword())).toBe("issued");
    // Another hash in the document, another secret: nothing is known of it.
    expect(codeOf(issuing, byPassword("ann-password", { client: { ...client, secret: decoy } }))).toBe(
      "temporarily_unavailable",
    );
    clock.nowMs += LIMITS.kmsRememberedMs + 1;
    expect(codeOf(issuing, byPassword("ann-password", { client: { ...client, secret: decoy } }))).toBe(
      "invalid_client",
    );
    expect(codeOf(issuing, byPassword())).toBe("issued");
  });
});

test("a client gets what its grants say, and no more tokens than its share", async () => {
  await within(({ issuing, clock }) => {
    const own = call({ grant: "client_credentials" });
    expect(tokensOf(issuing, own).refreshToken).toBeNull();
    const simple = { ...client, grants: ["password"] as const };
    expect(tokensOf(issuing, byPassword("ann-password", { client: simple })).refreshToken).toBeNull();
    expect(codeOf(issuing, { ...own, client: simple })).toBe("unauthorized_client");
    expect(codeOf(issuing, { ...own, client: { ...client, node: undefined } })).toBe("unauthorized_client");
    expect(codeOf(issuing, byPassword("ann-password", { user: { ...ann, clients: ["other"] } }))).toBe("invalid_grant");
    const answers = Array.from({ length: LIMITS.kmsTokensOfUser.burst }, () => codeOf(issuing, own));
    expect(answers.at(-1)).toBe("temporarily_unavailable");
    // What is left is for the others.
    expect(codeOf(issuing, byPassword())).toBe("issued");
    const all = Array.from({ length: LIMITS.kmsTokens.burst - LIMITS.kmsTokensOfUser.burst }, (_, n) => {
      const user = { ...ann, id: `ann-${n % 2}` };
      return codeOf(issuing, call({ grant: "password", username: user.id, password: "ann-password" }, { user }));
    });
    expect([all[0], all.at(-1)]).toEqual(["issued", "temporarily_unavailable"]);
    clock.nowMs += 1000;
    expect(codeOf(issuing, own)).toBe("issued");
  });
});

test("the oldest sign-in of a user makes room for one too many, and nobody else's", async () => {
  await within(({ issuing, store, clock }) => {
    const bob = { ...ann, id: "bob" };
    const first = tokensOf(issuing, byPassword());
    const others = tokensOf(
      issuing,
      call({ grant: "password", username: "bob", password: "ann-password" }, { user: bob }),
    );
    let latest = first;
    for (let n = 1; n <= LIMITS.kmsSignIns; n++) {
      if (n % 25 === 0) clock.nowMs += 1000;
      if (n === LIMITS.kmsSignIns) expect(store.token(tokenSha256(first.accessToken))).toBeDefined();
      latest = tokensOf(issuing, byPassword());
    }
    const there = [first, others, latest].map((each) => store.token(tokenSha256(each.accessToken)) !== undefined);
    expect(there).toEqual([false, true, true]);
    expect(codeOf(issuing, byToken(first.refreshToken))).toBe("invalid_grant");
  });
});

test("a refresh token of another password, client, user or time is none", async () => {
  await within(({ issuing, clock }) => {
    const { accessToken, refreshToken } = tokensOf(issuing, byPassword());
    const other = { ...ann, password: decoy };
    expect(codeOf(issuing, byToken(accessToken))).toBe("invalid_grant");
    expect(codeOf(issuing, byToken(refreshToken, { user: null }))).toBe("invalid_grant");
    expect(codeOf(issuing, byToken(refreshToken, { user: other }))).toBe("invalid_grant");
    expect(codeOf(issuing, byToken(refreshToken, { user: { ...ann, id: "bob" } }))).toBe("invalid_grant");
    expect(codeOf(issuing, byToken(refreshToken, { user: { ...ann, clients: [] } }))).toBe("invalid_grant");
    clock.nowMs += LIMITS.kmsRefreshSeconds * 1000;
    expect(codeOf(issuing, byToken(refreshToken))).toBe("invalid_grant");
  });
});

test("with the audit log's outbox full nothing is given, or it is, by policy", async () => {
  await within(({ issuing, store, db }) => {
    const outbox = new AuditOutbox(db, name, LIMITS);
    const event = { atMs: 0, act: "x", who: "x", node: "n1", detail: {} };
    outbox.record(Array.from({ length: LIMITS.outboxEvents }, () => event));
    const full = new Issuing({ store, outbox, nowMs: () => 0, hashes: plenty() });
    expect(codeOf(full, byPassword())).toBe("temporarily_unavailable");
    expect(codeOf(full, byPassword("ann-password", { auditOverflow: "drop" }))).toBe("issued");
    expect(codeOf(issuing, byPassword())).toBe("issued");
  });
});

/** A refresh token that somebody might show, by the number of its sign-in and of its turn. */
type Step =
  | { readonly does: "sign-in" }
  | { readonly does: "refresh" | "revoke"; readonly signIn: number; readonly turn: number };

test("whatever comes in whatever order: only the newest refresh token of a live sign-in is good, and any other ends it", async () => {
  const pick = { signIn: fc.nat(3), turn: fc.nat(4) };
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ does: fc.constant("sign-in" as const) }),
    fc.record({ does: fc.constantFrom("refresh", "revoke"), ...pick }) as fc.Arbitrary<Step>,
  );
  await within(({ issuing, store, clock }) => {
    const isThere = (token: string) => store.token(tokenSha256(token)) !== undefined;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const signIns: { live: boolean; access: string; refresh: string[] }[] = [];
        for (const each of steps) {
          clock.nowMs += 1000;
          if (each.does === "sign-in") {
            const { accessToken, refreshToken } = tokensOf(issuing, byPassword());
            signIns.push({ live: true, access: accessToken, refresh: [refreshToken ?? ""] });
            continue;
          }
          const chosen = signIns[each.signIn];
          const shown = chosen?.refresh[each.turn];
          if (chosen === undefined || shown === undefined) continue;
          const isNewest = shown === chosen.refresh.at(-1);
          if (each.does === "revoke") {
            const { clientSecret, auditOverflow } = byPassword();
            issuing.revoke({ client, clientSecret, tokenSha256: tokenSha256(shown), auditOverflow });
            chosen.live = false;
          } else if (chosen.live && isNewest) {
            const { accessToken, refreshToken } = tokensOf(issuing, byToken(shown));
            expect(isThere(chosen.access)).toBe(false);
            chosen.access = accessToken;
            chosen.refresh.push(refreshToken ?? "");
          } else {
            expect(codeOf(issuing, byToken(shown))).toBe("invalid_grant");
            chosen.live = false;
          }
        }
        for (const { live, access, refresh } of signIns) {
          expect([isThere(access), isThere(refresh.at(-1) ?? "")]).toEqual([live, live]);
        }
      }),
      { numRuns: 30 },
    );
  });
});

test("the object: an access token is told for whom it is, till it is revoked; what is over is swept, the log hears", async () => {
  const object = objects.TOKEN_ISSUER.getByName(name);
  const issued = await object.issue(byPassword());
  if (!issued.ok) throw new Error(issued.error.description);
  const sha256 = tokenSha256(issued.value.accessToken);
  expect(await object.holderOf(sha256)).toMatchObject({ kind: "access", client: name, user: "ann" });
  expect(await object.holderOf(tokenSha256("another"))).toBeNull();
  await object.revoke({ client, clientSecret: "app-secret", tokenSha256: sha256, auditOverflow: "refuse" });
  expect(await object.holderOf(sha256)).toBeNull();
  expect(await object.holderOf(tokenSha256(issued.value.refreshToken ?? ""))).toMatchObject({ kind: "refresh" });

  await runInDurableObject(object as never, (_: unknown, { storage }: DurableObjectState) => {
    storage.sql.exec("UPDATE sign_in SET ends_ms = 1");
  });
  await runDurableObjectAlarm(object as never);
  await runInDurableObject(object as never, (_: unknown, { storage }: DurableObjectState) => {
    const rows = ["token", "sign_in", "audit_outbox"].map((table) =>
      storage.sql.exec(`SELECT * FROM ${table}`).toArray(),
    );
    expect(rows).toEqual([[], [], []]);
  });
  const { records } = await objects.AUDIT_LOG.getByName("n1").read({ after: 0, limit: 100 });
  expect(records.filter(({ source }) => source === `token-issuer:${name}`).map(({ act }) => act)).toEqual([
    "kms-token.issue",
  ]);
});

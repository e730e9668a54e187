/** Part 1: transport and identity (clause 5.1). */
import { Agent } from "node:https";
import { type Etsi014Case, casesOf } from "./etsi014-case.ts";
import { must, type Tell } from "../case.ts";
import type { Answer, Call, Identity } from "../exchange.ts";
import { figuresOf, keysOf, mustBeJson, mustBeUnauthorised, mustHoldNoKey } from "./expect.ts";
import { authorityOfNobody, impostor } from "./impostor.ts";
import { overPlainTcp, overTls, sessionsOf } from "./sockets.ts";
import { type Etsi014Stage, segment } from "./stage.ts";

const statusPath = ({ B }: Etsi014Stage): string => `/${segment(B.sae)}/status`;

/** GET status at KME 1 as somebody; null where the TLS or TCP connection fails. */
async function attempt(
  stage: Etsi014Stage,
  name: string,
  identity: Identity,
  tls?: Call["tls"],
): Promise<Answer | null> {
  const call = tls === undefined ? {} : { tls };
  return await stage.callAs(stage.A, { name, identity }, statusPath(stage), call).catch((error: unknown) => {
    if (isOfTheConnection(error)) return null;
    throw error;
  });
}

/** Alerts, resets and closed connections; a time limit or a name that does not resolve is something else. */
const isOfTheConnection = (error: unknown): boolean =>
  /^(?:ERR_SSL|ECONNRESET|EPIPE|EPROTO)/.test((error as NodeJS.ErrnoException).code ?? "");

/** No connection, or 401; another refusal is as good, and told. */
function mustStayOut(answer: Answer | null, tell: Tell): void {
  if (answer === null) return;
  mustHoldNoKey(answer);
  must(answer.status >= 400, `served, with status ${answer.status}`);
  if (answer.status !== 401) tell.note(`refused with status ${answer.status}, not 401 or in the handshake`);
}

const masterIs = (sae: string): string => `"master_SAE_ID":${JSON.stringify(sae)}`;
const withoutSpaces = (text: string): string => text.replaceAll(/\s/g, "");

export const TRANSPORT: readonly Etsi014Case[] = casesOf([
  {
    id: "014-T01",
    level: "M",
    clause: "5.1",
    title: "plain HTTP to the port: no 2xx, no key",
    async run(stage) {
      const text = await overPlainTcp(stage, `GET /api/v1/keys/${segment(stage.B.sae)}/enc_keys HTTP/1.1`);
      must(!/HTTP\/1\.[01] 2|"keys"/.test(text), "plain HTTP is served");
    },
  },
  {
    id: "014-T02",
    level: "M",
    clause: "5.1",
    title: "no client certificate: the handshake fails, or 401",
    async run(stage, tell) {
      mustStayOut(await attempt(stage, "nobody", {}), tell);
    },
  },
  {
    id: "014-T03",
    level: "M",
    clause: "5.1",
    title: "a certificate of another CA that names A: the handshake fails, or 401",
    async run(stage, tell) {
      const identity = stage.given.foreign ?? (await (await authorityOfNobody()).client(stage.A.sae));
      mustStayOut(await attempt(stage, "another CA's", identity), tell);
    },
  },
  {
    id: "014-T04",
    level: "M",
    clause: "5.1",
    title: "TLS 1.1 at most: the handshake fails",
    async run(stage) {
      const tls = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
      const answer = await attempt(stage, stage.A.sae, stage.A.identity, tls);
      must(answer === null, `TLS 1.1 is served, with status ${answer?.status}`);
    },
  },
  {
    id: "014-T05",
    level: "M",
    clause: "5.1",
    title: "TLS 1.2 only, and TLS 1.3 only: one of them works at least",
    async run(stage, tell) {
      const works: string[] = [];
      for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
        const tls = { minVersion: version, maxVersion: version };
        const answer = await attempt(stage, stage.A.sae, stage.A.identity, tls);
        if (answer?.status === 200) works.push(version);
      }
      must(works.length > 0, "neither TLS 1.2 nor 1.3 works");
      tell.remark(works.join(" and "));
    },
  },
  {
    id: "014-T06",
    level: "M",
    clause: "5.1",
    title: "a certificate of the right CA for an SAE that no KME knows: 401, or no connection",
    needs: ["unregistered"],
    async run(stage) {
      const answer = await attempt(stage, "an unregistered SAE", stage.given.unregistered ?? {});
      if (answer !== null) mustBeUnauthorised(answer);
    },
  },
  {
    id: "014-T07",
    level: "X",
    clause: "5.1",
    title: "A's certificate, expired: the handshake fails, or 401",
    needs: ["expired"],
    async run(stage, tell) {
      mustStayOut(await attempt(stage, "expired", stage.given.expired ?? {}), tell);
    },
  },
  {
    id: "014-T08",
    level: "M",
    clause: "5.1",
    title: "a KME whose certificate is another CA's: this client aborts, and sends no request",
    async run(stage) {
      const other = await impostor();
      try {
        const answer = await stage
          .call({ ...stage.A, kme: other.url }, statusPath(stage))
          .catch((error: unknown) => error as NodeJS.ErrnoException);
        must("code" in answer && /CERT|SIGNATURE/.test(answer.code ?? ""), "the connection was made");
        must(other.requests() === 0, "a request was sent");
      } finally {
        other.stop();
      }
    },
  },
  {
    id: "014-T09",
    level: "M",
    clause: "5.1",
    title: "several requests on one connection: all of the same SAE",
    keys: 1,
    async run(stage, tell) {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      try {
        const first = figuresOf(await stage.call(stage.A, statusPath(stage), { agent }));
        const isKept = Object.values(agent.freeSockets).flat().length === 1;
        keysOf(await stage.enc({ agent }), 1);
        const last = figuresOf(await stage.call(stage.A, statusPath(stage), { agent }));
        for (const { master_SAE_ID } of [first, last]) must(master_SAE_ID === stage.A.sae, "it is another SAE's");
        if (!isKept) tell.remark("the KME closes each connection after one request");
      } finally {
        agent.destroy();
      }
    },
  },
  {
    id: "014-T10",
    level: "X",
    clause: "5.1",
    title: "A's TLS session resumed without a certificate, or with another's: nothing of A's identity",
    async run(stage, tell) {
      const sessions = await sessionsOf(stage, stage.A.identity, statusPath(stage));
      if (sessions.length === 0) tell.remark("the KME offers no sessions");
      for (const session of sessions) {
        const nobody = await overTls(stage, "nobody, A's session", {}, statusPath(stage), session);
        must(!/^HTTP\/1\.[01] 2/.test(nobody), "who shows no certificate is served");
        const { C } = stage.given;
        if (C === undefined) continue;
        const other = await overTls(stage, `${C.sae}, A's session`, C.identity, statusPath(stage), session);
        must(!withoutSpaces(other).includes(withoutSpaces(masterIs(stage.A.sae))), "C is taken for A");
      }
    },
  },
  {
    id: "014-T11",
    level: "M",
    clause: "5.1",
    title: "every 200: Content-Type application/json, a body of JSON in UTF-8",
    keys: 1,
    async run(stage) {
      mustBeJson(await stage.call(stage.A, statusPath(stage)));
      const [key] = keysOf(await stage.enc(), 1);
      keysOf(await stage.fetch(stage.B, [key?.key_ID ?? ""]), 1);
    },
  },
  {
    id: "014-T12",
    level: "R",
    clause: "",
    title: "every 200 with keys: Cache-Control: no-store",
    keys: 1,
    async run(stage) {
      const enc = await stage.enc();
      const dec = await stage.fetch(stage.B, [keysOf(enc, 1)[0]?.key_ID ?? ""]);
      for (const { headers } of [enc, dec]) {
        must(/\bno-store\b/.test(headers["cache-control"] ?? ""), "no Cache-Control: no-store");
      }
    },
  },
]);

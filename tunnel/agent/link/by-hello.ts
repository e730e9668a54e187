/** How an agent's session begins: it gets a nonce of the hub's, signs what it claims to be, and dials with that. */
import * as v from "valibot";
import { AGENT_FACTS_HEADER, writeAgentFacts } from "../../../shared/tunnel/agent-facts.ts";
import { addressOf } from "../../../shared/tunnel/hello.ts";
import { type Claims, HELLO_HEADER, NonceSchema } from "../../../shared/tunnel/messages.ts";
import { noncesPath } from "../../../shared/tunnel/paths.ts";
import type { Service } from "../../../shared/tunnel/services.ts";
import type { AgentCertificate } from "../../../shared/tunnel/types.ts";
import { err, ok } from "../../../shared/result.ts";
import type { Identity } from "../identity/identity.ts";
import { type Edge, failureOf } from "./edge.ts";
import { endOf, endWith } from "./end.ts";
import type { SessionOptions } from "./session.ts";
import { openWebSocket } from "./web-socket.ts";

export interface Introduction {
  readonly edge: Edge;
  /** Whose hub. */
  readonly site: string;
  readonly identity: Identity;
  readonly claims: Claims;
  /** Of an owner. */
  readonly services: readonly Service[];
  /** That the hub shall know of. */
  readonly certificates: readonly AgentCertificate[];
}

export function byHello({
  edge,
  site,
  identity,
  claims,
  services,
  certificates,
}: Introduction): Pick<SessionOptions, "role" | "services" | "dial" | "hello"> {
  const url = edge.tunnelUrl(site);
  return {
    role: claims.role,
    services,
    hello: async (signal) => {
      try {
        const answer = await edge.request({ method: "POST", path: noncesPath(site) }, signal);
        const parsed = v.safeParse(NonceSchema, answer.json);
        if (answer.status !== 201 || !parsed.success) return err(endOf(answer));
        return ok(JSON.stringify(identity.hello(parsed.output.nonce, addressOf(url.href), claims)));
      } catch (thrown) {
        return err(endWith(failureOf(thrown)));
      }
    },
    dial: (handshakeMs, hello) => {
      const facts = writeAgentFacts({ nowMs: Date.now(), certificates });
      const headers = hello === null ? {} : { [HELLO_HEADER]: hello, [AGENT_FACTS_HEADER]: facts };
      return openWebSocket(edge, url, handshakeMs, headers);
    },
  };
}

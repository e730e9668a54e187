/** T08: whom a client takes for its KME (clause 5.1). */
import { must } from "../../case.ts";
import { right } from "../answers.ts";
import { clientCase, type Step } from "../case.ts";
import type { ServerName } from "../certificates.ts";
import { mustFail } from "./judge.ts";

const shown = (server: ServerName): Step => ({
  what: `a certificate ${server}`,
  ask: { call: "enc_keys", peer: "sae-b" },
  server,
  answer: right(),
  judge(attempt, tell) {
    must(attempt.requests === 0, "a request is sent, before it is known to whom");
    mustFail(attempt, tell);
  },
});

export const SERVER_IDENTITY = clientCase({
  id: "T08",
  level: "M",
  clause: "5.1",
  title: "a KME whose certificate is of another CA, for another name, or expired: no request, and an error",
  isOfRefusals: true,
  steps: (["of another CA", "for another name", "expired"] as const).map(shown),
});

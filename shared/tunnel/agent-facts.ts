/** What an agent tells beside its hello: its clock, and when its certificates end. Not signed: it grants nothing. */
import * as v from "valibot";
import { parseJson } from "../bytes/json.ts";
import { LIMITS } from "../limits.ts";
import type { AgentCertificate } from "./types.ts";

/** JSON in this header of the request for the WebSocket. */
export const AGENT_FACTS_HEADER = "QKD-Agent-Facts";
const MAX_CHARS = 4096;

const instantMs = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(8.64e15));

/** Members may be added: a hub passes over those it does not know. */
const AgentFactsSchema = v.object({
  now_ms: instantMs,
  certificates: v.pipe(
    v.array(
      v.object({
        name: v.pipe(v.string(), v.regex(/^[ -~]{1,80}$/)),
        not_before_ms: instantMs,
        not_after_ms: instantMs,
      }),
    ),
    v.maxLength(LIMITS.agentCertificates),
  ),
});

export interface AgentFacts {
  readonly nowMs: number;
  readonly certificates: readonly AgentCertificate[];
}

export const writeAgentFacts = ({ nowMs, certificates }: AgentFacts): string =>
  JSON.stringify({
    now_ms: nowMs,
    certificates: certificates.slice(0, LIMITS.agentCertificates).map(({ name, notBeforeMs, notAfterMs }) => ({
      name: name.replaceAll(/[^ -~]/gu, "?").slice(0, 80),
      not_before_ms: notBeforeMs,
      not_after_ms: notAfterMs,
    })),
  });

/** Null: it tells nothing, or nothing that makes sense; that keeps no agent out. */
export function readAgentFacts(text: string | null): AgentFacts | null {
  if (text === null || text.length > MAX_CHARS) return null;
  const json = parseJson(text, LIMITS.jsonDepth);
  const facts = v.safeParse(AgentFactsSchema, json.ok ? json.value : null);
  if (!facts.success) return null;
  const { now_ms: nowMs, certificates } = facts.output;
  return {
    nowMs,
    certificates: certificates.map(({ name, not_before_ms: notBeforeMs, not_after_ms: notAfterMs }) => ({
      name,
      notBeforeMs,
      notAfterMs,
    })),
  };
}

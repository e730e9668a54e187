/** What carriers and nodes do to relays that they should not. */
import type { Fault } from "../../shared/errors/errors.ts";
import type { NodeId } from "../../shared/ids.ts";
import { openHop, sealHop } from "../../shared/relay/hop.ts";
import type { RelayId, RelayStep, RelayTerms, StepAnswer } from "../../shared/relay/types.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { LinkModels } from "./relay-links.ts";

type Below = (most: number) => number;

const CHANGES = {
  terms: (step: RelayStep, below: Below) => ({ ...step, terms: { ...step.terms, ...otherTerms(step.terms, below) } }),
  position: (step: RelayStep, below: Below) => ({ ...step, position: step.position + (below(2) === 0 ? 1 : -1) }),
  draw: (step: RelayStep, below: Below) => ({ ...step, message: { ...step.message, draw: otherDraw(step, below) } }),
  bytes: (step: RelayStep, below: Below) => {
    const member = below(2) === 0 && step.message.ciphertext.length > 0 ? "ciphertext" : "tag";
    return { ...step, message: { ...step.message, [member]: otherBytes(step.message[member], below) } };
  },
} as const;

const ALL = Object.keys(CHANGES) as readonly (keyof typeof CHANGES)[];

/** The same step with one thing in it changed, at random. */
export function changed(step: RelayStep, random: () => number, kinds = ALL): RelayStep {
  const below = (most: number): number => Math.floor(random() * most);
  const kind = kinds[below(kinds.length)] ?? "bytes";
  return CHANGES[kind](step, below);
}

function otherTerms({ relay, path, bytes, expiresMs }: RelayTerms, below: Below): Partial<RelayTerms> {
  const variants: readonly Partial<RelayTerms>[] = [
    { expiresMs: expiresMs - 1 },
    { bytes: bytes + 1 },
    { relay: relay.replace(/^./, "f") as RelayId },
    { path: path.toReversed() },
    { path: path.slice(1) },
    { path: [...path, "n0" as NodeId] },
    { shard: 62 },
    { share: [0, 4] },
  ];
  return variants[below(variants.length)] ?? {};
}

function otherDraw({ message: { draw } }: RelayStep, below: Below) {
  const variants = [
    { ...draw, record: draw.record + 1 },
    { ...draw, record: Math.max(0, draw.record - 1), nonce: "00" },
    { ...draw, shard: draw.shard + 1 },
    { ...draw, nonce: draw.nonce.toUpperCase() === draw.nonce ? "0a" : draw.nonce.toUpperCase() },
  ];
  return variants[below(variants.length)] ?? draw;
}

/** One bit another, or a byte fewer or more. */
function otherBytes(bytes: Uint8Array, below: Below): Uint8Array {
  const at = below(bytes.length);
  const variants = [
    () => bytes.map((byte, i) => (i === at ? byte ^ (1 << below(8)) : byte)),
    () => bytes.slice(1),
    () => Uint8Array.of(...bytes, 0),
  ];
  return (variants[below(4)] ?? variants[0])?.() ?? bytes;
}

/** A node that sends on another key than has come, and seals it as it should. */
export function lyingStep(
  links: LinkModels,
  node: NodeId,
  { terms, position, message }: RelayStep,
  nowMs: number,
  random: () => number,
): Result<StepAnswer, Fault> {
  const [from, next] = [terms.path[position - 1], terms.path[position + 1]];
  if (from === undefined || next === undefined) return refused();
  const taken = links.between(from, node).take(node, terms, message.draw, nowMs);
  if (!taken.ok) return taken;
  const key = openHop(terms, position, message, taken.value);
  if (!key.ok) return refused();
  const drawn = links.between(node, next).draw(node, terms);
  if (!drawn.ok) return drawn;
  const other = key.value.map(() => Math.floor(random() * 256));
  const sealed = sealHop(terms, position + 1, drawn.value.draw, drawn.value.bytes, other);
  return sealed.ok ? ok({ outcome: "onward", message: sealed.value }) : refused();
}

const refused = () => err<Fault>({ code: "forbidden", message: "no" });

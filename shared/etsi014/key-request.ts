/**
 * Key request (ETSI GS QKD 014 V1.1.1 clause 6.2): every member optional, `{}` and no body legal.
 *
 * Three steps, as the order of faults demands: `parseKeyRequest*` checks syntax only, `checkExtensions` whether the
 * extensions are known; `checkKeyRequest` checks what it asks for against the policy and the pair.
 */
import * as v from "valibot";
import { type Fault, fail, type JsonValue, mandatedFault } from "../errors/errors.ts";
import type { SaeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { boundedList } from "../network/bounded-list.ts";
import type { Policy } from "../network/document.ts";
import { err, ok, type Result } from "../result.ts";
import {
  checkMandatoryMet,
  checkMandatorySupported,
  checkOptionalMet,
  checkValues,
  type Connection,
  type Extension,
  NO_WISHES,
  preferencesOf,
  type Wishes,
  wishesOf,
} from "./extensions.ts";
import { parseMembers } from "../errors/members.ts";

const integer = v.pipe(v.number("shall be an integer"), v.integer("shall be an integer"));

/** Not `v.record`: that one drops names such as `constructor`, and a mandatory parameter is never overlooked. */
const extensionObject = v.custom<{ [name: string]: JsonValue }>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "shall be an object of name/value pairs",
);
/** The standard wants an array of objects; some clients send one object, which is read as an array of one. */
const extensionList = v.union(
  [
    boundedList(extensionObject, LIMITS.extensionParameters, {
      length: `shall hold at most ${LIMITS.extensionParameters} objects`,
    }),
    extensionObject,
  ],
  "shall be an array of objects of name/value pairs",
);

/** As on the wire. Members that are null count as absent; unknown ones are ignored. */
export const KeyRequestSchema = v.object(
  {
    number: v.nullish(integer),
    size: v.nullish(integer),
    additional_slave_SAE_IDs: v.nullish(
      boundedList(v.pipe(v.string("shall be a string"), v.nonEmpty("shall not be empty")), LIMITS.multicastSaes, {
        type: "shall be an array of strings",
        length: `shall hold at most ${LIMITS.multicastSaes} SAEs`,
      }),
    ),
    extension_mandatory: v.nullish(extensionList),
    extension_optional: v.nullish(extensionList),
  },
  "shall be a JSON object",
);

/** What a client asked for; `null` where it left the choice to the KME. */
export interface KeyRequest {
  readonly number: number | null;
  readonly sizeBits: number | null;
  readonly additionalSlaves: readonly SaeId[];
  readonly mandatory: readonly Extension[];
  readonly optional: readonly Extension[];
}

/** A Key request that may be served, if there are keys. */
export interface CheckedKeyRequest {
  readonly number: number;
  readonly sizeBits: number;
  readonly additionalSlaves: readonly SaeId[];
  readonly wishes: RankedWishes;
}

/** What the keys must be, and what they shall be if it can be had. */
export interface RankedWishes {
  readonly firm: Wishes;
  readonly preferred: Wishes;
}

export const EMPTY_KEY_REQUEST: KeyRequest = {
  number: null,
  sizeBits: null,
  additionalSlaves: [],
  mandatory: [],
  optional: [],
};

type ExtensionList = v.InferOutput<typeof extensionList> | null | undefined;

/** An object with several pairs is not forbidden: all pairs of all objects count. */
function flattenExtensions(list: ExtensionList): Extension[] {
  const objects = list === null || list === undefined ? [] : Array.isArray(list) ? list : [list];
  return objects.flatMap((object) => Object.entries(object).map(([name, value]) => ({ name, value })));
}

/** One object may hold any number of pairs. @returns `bad-request` for more than LIMITS.extensionParameters */
function extensionsOf(member: string, list: ExtensionList): Result<readonly Extension[], Fault> {
  const extensions = flattenExtensions(list);
  const max = LIMITS.extensionParameters;
  return extensions.length <= max
    ? ok(extensions)
    : fail("bad-request", `${member}: ${extensions.length} parameters, more than ${max}`);
}

/** A POST body, already JSON. @returns `bad-request` naming every member of a wrong type. */
export function parseKeyRequest(body: JsonValue): Result<KeyRequest, Fault> {
  const parsed = parseMembers(KeyRequestSchema, body, "the Key request");
  if (!parsed.ok) return parsed;
  const members = parsed.value;
  const mandatory = extensionsOf("extension_mandatory", members.extension_mandatory);
  if (!mandatory.ok) return mandatory;
  const optional = extensionsOf("extension_optional", members.extension_optional);
  if (!optional.ok) return optional;
  return ok({
    number: members.number ?? null,
    sizeBits: members.size ?? null,
    additionalSlaves: (members.additional_slave_SAE_IDs ?? []) as SaeId[],
    mandatory: mandatory.value,
    optional: optional.value,
  });
}

function queryInteger(query: URLSearchParams, name: string): Result<number | null, Fault> {
  const [text, ...more] = query.getAll(name);
  if (text === undefined) return ok(null);
  if (more.length > 0) return fail("bad-request", `query ${name}: given more than once`);
  if (!/^-?[0-9]{1,15}$/.test(text)) return fail("bad-request", `query ${name}: shall be an integer`);
  return ok(Number(text));
}

/**
 * The GET form: `number` and `size` only, anything else is ignored - but a client that makes something mandatory shall
 * not be served as if it had not.
 * @returns `bad-request` for a repeated or non-integer parameter, and for `extension_mandatory`.
 */
export function parseKeyRequestQuery(query: URLSearchParams): Result<KeyRequest, Fault> {
  if (query.has("extension_mandatory")) {
    return fail("bad-request", "query extension_mandatory: extensions need POST (clause 6.2)");
  }
  const number = queryInteger(query, "number");
  if (!number.ok) return number;
  const size = queryInteger(query, "size");
  if (!size.ok) return size;
  return ok({ ...EMPTY_KEY_REQUEST, number: number.value, sizeBits: size.value });
}

/** What a Key request is judged by. */
export interface KeyRequestFacts {
  readonly policy: Policy;
  readonly caller: SaeId;
  readonly slave: SaeId;
  /** `null`: the slave is not known, so extensions about the route cannot be judged. */
  readonly connections: Connections | null;
}

/** How the two SAEs' nodes are connected, as far as it matters for what is mandatory, and for all that is asked for. */
export interface Connections {
  readonly mandatory: Connection;
  readonly all: Connection;
}

const outOfRange = (name: string, value: number, min: number, max: number, unit: string) =>
  fail("bad-request", `${name}: ${value} is outside ${min}..${max}${unit}`, [{ parameter: name, min, max }]);

function checkSize(sizeBits: number, policy: Policy): Result<number, Fault> {
  const { min, max } = policy.key_size_bits;
  if (sizeBits > 0 && sizeBits % 8 !== 0) return err(mandatedFault("size-not-octets", [{ size: sizeBits }]));
  if (sizeBits < min || sizeBits > max) return outOfRange("size", sizeBits, min, max, " bits");
  return ok(sizeBits);
}

function checkAdditional(slaves: readonly SaeId[], facts: KeyRequestFacts): Result<null, Fault> {
  const max = facts.policy.max_sae_id_count;
  const member = "additional_slave_SAE_IDs";
  if (slaves.length > max)
    return fail("bad-request", `${member}: ${slaves.length} SAEs, more than max_SAE_ID_count (${max})`);
  if (new Set(slaves).size !== slaves.length) return fail("bad-request", `${member}: holds an SAE twice`);
  if (slaves.includes(facts.caller)) return fail("bad-request", `${member}: holds the calling SAE itself`);
  if (slaves.includes(facts.slave)) return fail("bad-request", `${member}: holds the slave SAE of the path`);
  return ok(null);
}

function checkRanges(request: KeyRequest, facts: KeyRequestFacts): Result<Omit<CheckedKeyRequest, "wishes">, Fault> {
  const { policy } = facts;
  const number = request.number ?? 1;
  if (number < 1 || number > policy.max_key_per_request) {
    return outOfRange("number", number, 1, policy.max_key_per_request, "");
  }
  const size = checkSize(request.sizeBits ?? policy.key_size_bits.default, policy);
  if (!size.ok) return size;
  const bytes = (number * size.value) / 8;
  if (bytes > LIMITS.containerKeyBytes) {
    return fail("bad-request", `number x size: ${bytes} bytes of key, more than ${LIMITS.containerKeyBytes} a request`);
  }
  const additional = checkAdditional(request.additionalSlaves, facts);
  if (!additional.ok) return additional;
  return ok({ number, sizeBits: size.value, additionalSlaves: request.additionalSlaves });
}

/**
 * Are the extensions known, and their values of the right types?
 * @returns `extension-mandatory-unsupported`, or `bad-request` naming the parameter
 */
export function checkExtensions(request: KeyRequest): Result<null, Fault> {
  const supported = checkMandatorySupported(request.mandatory);
  if (!supported.ok) return supported;
  const values = checkValues("extension_mandatory", request.mandatory);
  return values.ok ? checkValues("extension_optional", request.optional) : values;
}

/**
 * What the extensions come to for two nodes connected like that.
 * @returns `extension-mandatory-unmet`, `extension-optional-unhandled`
 */
export function checkWishes(
  request: KeyRequest,
  connections: Connections,
  unhandled: Policy["extension_optional"],
): Result<RankedWishes, Fault> {
  const met = checkMandatoryMet(request.mandatory, connections.mandatory);
  if (!met.ok) return met;
  const firm = wishesOf(request.mandatory);
  if (unhandled === "ignore") {
    return ok({ firm, preferred: preferencesOf(request.optional, connections.all, firm) });
  }
  const optional = checkOptionalMet(request.optional, connections.all, firm);
  if (!optional.ok) return optional;
  const all = wishesOf(request.optional, firm);
  return ok({ firm: all, preferred: all });
}

/**
 * Faults in this order: mandatory extensions, optional ones (where the policy refuses), ranges. For what
 * `checkExtensions` has passed.
 * @returns two of the mandated extension faults, `size-not-octets`, or `bad-request` naming member and bound.
 */
export function checkKeyRequest(request: KeyRequest, facts: KeyRequestFacts): Result<CheckedKeyRequest, Fault> {
  const { connections, policy } = facts;
  const wishes: Result<RankedWishes, Fault> =
    connections === null
      ? ok({ firm: NO_WISHES, preferred: NO_WISHES })
      : checkWishes(request, connections, policy.extension_optional);
  if (!wishes.ok) return wishes;
  const ranges = checkRanges(request, facts);
  return ranges.ok ? ok({ ...ranges.value, wishes: wishes.value }) : ranges;
}

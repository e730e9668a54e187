/** What the contract says about one route. */
import type * as v from "valibot";
import { type Action, isOperators } from "../auth/policy.ts";
import type { ErrorCode } from "../errors/errors.ts";
import { LIMITS } from "../limits.ts";

/** Of a key that does not exist. */
export const EXAMPLE_KEY_ID = "bc490419-7d60-487f-adc1-4ddcc177c139";

export interface Parameter {
  readonly description: string;
  readonly type: "string" | "integer";
  readonly required?: boolean;
}

/** A body; without a schema it is raw bytes or a page. */
export interface Body {
  readonly description: string;
  readonly contentType:
    | "application/json"
    | "application/octet-stream"
    | "application/schema+json"
    | "application/x-python-literal"
    | "application/x-www-form-urlencoded"
    | "text/html"
    | "text/plain"
    | "*/*";
  readonly schema?: v.GenericSchema;
}

export const json = (description: string, schema: NonNullable<Body["schema"]>): Body => ({
  description,
  contentType: "application/json",
  schema,
});

export interface RequestBody extends Body {
  readonly required: boolean;
  readonly maxBytes: number;
  readonly example?: unknown;
}

export const jsonRequest = (
  description: string,
  schema: NonNullable<Body["schema"]>,
  more: { readonly required: boolean; readonly maxBytes?: number; readonly example: unknown },
): RequestBody => ({ ...json(description, schema), maxBytes: LIMITS.jsonBodyBytes, ...more });

/** An answer without a body. */
export type Bodiless = Pick<Body, "description">;

/** What "any" stands for; HEAD besides, which OpenAPI and clients take for granted. */
const ANY_METHODS = ["get", "post", "put", "patch", "delete", "options"] as const;

export interface Operation {
  readonly method: "get" | "post" | "put" | "delete" | "any";
  /** With `{parameter}` segments, as in OpenAPI. The last may be `{+rest}` (RFC 6570): all that follows, as it was sent. */
  readonly path: string;
  readonly tag:
    | "Keys"
    | "Key hand-over"
    | "Streams"
    | "Rooms"
    | "QKD module"
    | "Open-QKD-Network"
    | "Network"
    | "Links"
    | "Sites"
    | "Peers"
    | "IPsec"
    | "Alarms"
    | "Audit"
    | "Epochs"
    | "Monitor"
    | "Service"
    | "Pages";
  readonly summary: string;
  readonly description?: string;
  /**
   * What the caller must be allowed to do (`shared/auth/policy.ts`). `authenticated`: whoever it is, whatever its token's
   * scopes. Null: anybody, unauthenticated.
   */
  readonly action: Action | "authenticated" | null;
  /** Whether an operator's session in a browser counts here; where absent, if the action is an operator's. Never for keys. */
  readonly takesSession?: boolean;
  /** How old the copy of the network may be that the caller is looked up in; LIMITS.snapshotMaxAgeMs where absent. */
  readonly snapshotAgeMs?: number;
  readonly pathParameters?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, Parameter>>;
  readonly headers?: Readonly<Record<string, Parameter>>;
  readonly request?: RequestBody;
  readonly responses: Readonly<Record<number, Body | Bodiless>>;
  /** The form of its faults: problems of ETSI GS QKD 020, errors of OAuth 2.0, or keys of Open-QKD-Network that are none; Error objects of 014 where absent. */
  readonly faults?: "problem" | "oauth" | "site-key";
  /** The handler answers by itself: what it gives is streamed, or a WebSocket. */
  readonly streams?: true;
  /** Beyond those every route has (`COMMON_ERRORS`). */
  readonly errors: readonly ErrorCode[];
  /** curl's arguments after the base URL's variable, for the page of documentation. */
  readonly curl: string;
}

/** Does an operator's session in a browser count here? */
export const countsSession = ({ action, takesSession }: Pick<Operation, "action" | "takesSession">): boolean =>
  takesSession ?? isOperators(action);

/** The methods of an operation, in lower case. */
export const methodsOf = ({ method }: Pick<Operation, "method">): readonly string[] =>
  method === "any" ? ANY_METHODS : [method];

/** The path as OpenAPI has it, which knows no `{+rest}`. */
export const openapiPath = ({ path }: Pick<Operation, "path">): string => path.replace("{+", "{");

/** What the contract says about one route. */
import type * as v from "valibot";
import type { Action } from "../auth/policy.ts";
import type { ErrorCode } from "../errors/errors.ts";

export interface Parameter {
  readonly description: string;
  readonly type: "string" | "integer";
  readonly required?: boolean;
}

/** A body; without a schema it is raw bytes or a page. */
export interface Body {
  readonly description: string;
  readonly contentType: "application/json" | "application/octet-stream" | "application/schema+json" | "text/html";
  readonly schema?: v.GenericSchema;
}

export interface RequestBody extends Body {
  readonly required: boolean;
  readonly maxBytes: number;
  readonly example?: unknown;
}

export interface Operation {
  readonly method: "get" | "post" | "put" | "delete";
  /** With `{parameter}` segments, as in OpenAPI. */
  readonly path: string;
  readonly tag: "Keys" | "Network" | "Links" | "Audit" | "Service";
  readonly summary: string;
  readonly description?: string;
  /**
   * What the caller must be allowed to do (`shared/auth/policy.ts`). `authenticated`: whoever it is, whatever its token's
   * scopes. Null: anybody, unauthenticated.
   */
  readonly action: Action | "authenticated" | null;
  /** How old the copy of the network may be that the caller is looked up in; LIMITS.snapshotMaxAgeMs where absent. */
  readonly snapshotAgeMs?: number;
  readonly pathParameters?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, Parameter>>;
  readonly headers?: Readonly<Record<string, Parameter>>;
  readonly request?: RequestBody;
  readonly responses: Readonly<Record<number, Body>>;
  /** Beyond those every route has (`COMMON_ERRORS`). */
  readonly errors: readonly ErrorCode[];
  /** curl's arguments after the base URL's variable, for the page of documentation. */
  readonly curl: string;
}

/** The OpenAPI 3.1 document, from the contract: nothing in it is written twice. */
import { toJsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";
import { COMMON_ERRORS, OPERATIONS } from "../../shared/api/contract.ts";
import {
  type Body,
  countsSession,
  methodsOf,
  openapiPath,
  type Operation,
  type Parameter,
} from "../../shared/api/operation.ts";
import { CSRF_HEADER, SESSION_COOKIE } from "../../shared/auth/session.ts";
import { type ErrorCode, HTTP_STATUS, MANDATED_MESSAGES } from "../../shared/errors/errors.ts";
import { SessionSchema } from "../../shared/api/session-operations.ts";
import * as schemas from "../../shared/api/schemas.ts";
import * as siteSchemas from "../../shared/api/site-schemas.ts";
import * as streamSchemas from "../../shared/etsi004/native/bodies.ts";
import { ProblemSchema } from "../../shared/etsi020/problem.ts";
import { ErrorSchema } from "../../shared/etsi014/error.ts";
import { KeyContainerSchema } from "../../shared/etsi014/key-container.ts";
import { KeyIdsSchema } from "../../shared/etsi014/key-ids.ts";
import { KeyRequestSchema } from "../../shared/etsi014/key-request.ts";
import { StatusSchema } from "../../shared/etsi014/status-schema.ts";
import { SiteKeySchema } from "../../shared/open-qkd-network/answers.ts";
import { OAuthErrorSchema } from "../../shared/open-qkd-network/oauth-errors.ts";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
type JsonObject = { readonly [name: string]: Json };

/**
 * What a client may send (defaults may be absent). A custom check of ours always means "an object".
 * @param ignoreActions what JSON Schema has no words for, and may be left out
 */
export function jsonSchemaOf(schema: v.GenericSchema, ignoreActions: string[] = []): JsonObject {
  const { $schema: _, ...plain } = toJsonSchema(schema, {
    typeMode: "input",
    errorMode: "throw",
    ignoreActions,
    overrideSchema: ({ valibotSchema }) => (valibotSchema.type === "custom" ? { type: "object" } : undefined),
    overrideAction: ({ valibotAction, jsonSchema }) =>
      valibotAction.type === "iso_timestamp" ? { ...jsonSchema, format: "date-time" } : undefined,
  });
  return plain as JsonObject;
}

/** Schemas with a place of their own in the document: export `StatusSchema` becomes component `Status`. */
const NAMED = new Map<v.GenericSchema, string>(
  Object.entries({
    ...schemas,
    ...siteSchemas,
    ...streamSchemas,
    ErrorSchema,
    KeyContainerSchema,
    KeyIdsSchema,
    KeyRequestSchema,
    OAuthErrorSchema,
    ProblemSchema,
    SessionSchema,
    SiteKeySchema,
    StatusSchema,
  }).map(([name, schema]): [v.GenericSchema, string] => [schema, name.replace(/Schema$/, "")]),
);

function reference(schema: v.GenericSchema): JsonObject {
  const name = NAMED.get(schema);
  return name === undefined ? jsonSchemaOf(schema) : { $ref: `#/components/schemas/${name}` };
}

const bodyContent = ({ contentType, schema }: Body): JsonObject => ({
  [contentType]: schema === undefined ? {} : { schema: reference(schema) },
});

const parameters = (where: "query" | "header", table: Readonly<Record<string, Parameter>> = {}): Json[] =>
  Object.entries(table).map(([name, { description, type, required = false }]) => ({
    name,
    in: where,
    required,
    description,
    schema: { type },
  }));

const pathParameters = (table: Readonly<Record<string, string>> = {}): Json[] =>
  Object.entries(table).map(([name, description]) => ({
    name,
    in: "path",
    required: true,
    description,
    schema: { type: "string" },
  }));

export const errorsOf = (operation: Operation): readonly ErrorCode[] => [
  ...COMMON_ERRORS.all,
  ...(operation.action === null ? [] : COMMON_ERRORS.authenticated),
  ...operation.errors,
];

const explain = (code: ErrorCode): string => {
  const mandated: Partial<Record<ErrorCode, string>> = MANDATED_MESSAGES;
  const message = mandated[code];
  return message === undefined ? code : `${code} (message: "${message}")`;
};

function errorResponse(status: number, codes: readonly ErrorCode[], schema: v.GenericSchema): JsonObject {
  const description = codes.map(explain).join(", ");
  if (status === HTTP_STATUS.unauthorised && schema !== OAuthErrorSchema) {
    return { description: `${description}; the body is empty` };
  }
  const headers = { "Retry-After": { description: "Seconds", schema: { type: "integer" } } };
  return {
    description,
    ...(status === 429 || status === 503 ? { headers } : {}),
    content: { "application/json": { schema: reference(schema) } },
  };
}

const FAULT_SCHEMAS: Readonly<Record<NonNullable<Operation["faults"]>, v.GenericSchema>> = {
  problem: ProblemSchema,
  oauth: OAuthErrorSchema,
  "site-key": SiteKeySchema,
};

function responses(operation: Operation): JsonObject {
  const good = Object.entries(operation.responses).map(([status, body]): [string, Json] => [
    status,
    { description: body.description, ...("contentType" in body ? { content: bodyContent(body) } : {}) },
  ]);
  const byStatus = Map.groupBy(errorsOf(operation), (code) => HTTP_STATUS[code]);
  const faultSchema = operation.faults === undefined ? ErrorSchema : FAULT_SCHEMAS[operation.faults];
  /** Of a site key there is none to tell to who has shown no token. */
  const isTold = (status: number): boolean => operation.faults === "site-key" && status === HTTP_STATUS.unauthorised;
  const bad = [...byStatus].map(([status, codes]): [string, Json] => [
    String(status),
    errorResponse(status, codes, isTold(status) ? OAuthErrorSchema : faultSchema),
  ]);
  return Object.fromEntries([...good, ...bad].sort(([a], [b]) => Number(a) - Number(b)));
}

const PROOFS: readonly Json[] = [{ clientCertificate: [] }, { bearerToken: [] }];

function operationObject(id: string, operation: Operation): JsonObject {
  const { request } = operation;
  const all = [
    ...pathParameters(operation.pathParameters),
    ...parameters("query", operation.query),
    ...parameters("header", operation.headers),
  ];
  const requestBody = request && {
    description: `${request.description}. At most ${request.maxBytes} bytes.`,
    required: request.required,
    content: {
      [request.contentType]: {
        ...(bodyContent(request)[request.contentType] as JsonObject),
        ...(request.example === undefined ? {} : { example: request.example as Json }),
      },
    },
  };
  return {
    operationId: id,
    tags: [operation.tag],
    summary: operation.summary,
    ...(operation.description === undefined ? {} : { description: operation.description }),
    ...(operation.action === null ? { security: [] } : {}),
    ...(countsSession(operation) ? { security: [...PROOFS, { operatorSession: [] }] } : {}),
    ...(all.length === 0 ? {} : { parameters: all }),
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: responses(operation),
    "x-action": operation.action,
    "x-curl": operation.curl,
  };
}

/** Module namespaces are sorted in Node, but not under every loader. */
const byName = ([a]: readonly [string, Json], [b]: readonly [string, Json]): number => (a < b ? -1 : 1);

export function buildOpenapi(version: string): JsonObject {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [id, operation] of Object.entries(OPERATIONS)) {
    for (const [index, method] of methodsOf(operation).entries()) {
      const name = index === 0 ? id : `${id}.${method}`;
      (paths[openapiPath(operation)] ??= {})[method] = operationObject(name, operation);
    }
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "qkd-edge",
      version,
      description:
        "Key management for QKD networks. The key routes are ETSI GS QKD 014 V1.1.1; sizes there are in bits. Any other path answers 404, any other method 405, both with an Error object.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: PROOFS,
    tags: [...new Set(Object.values(OPERATIONS).map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries(
        [...NAMED].map(([schema, name]): [string, Json] => [name, jsonSchemaOf(schema)]).sort(byName),
      ),
      securitySchemes: {
        clientCertificate: { type: "mutualTLS", description: "The certificate of an SAE, node, agent or operator." },
        operatorSession: {
          type: "apiKey",
          in: "cookie",
          name: SESSION_COOKIE,
          description: `Of an operator who signed in with a browser: counts where operators act only, on requests of the edge's own pages, and beside the header \`${CSRF_HEADER}\` where the method is not GET.`,
        },
        bearerToken: { type: "http", scheme: "bearer", description: "A token of 256 random bits." },
      },
    },
  };
}

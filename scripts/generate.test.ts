import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import openapi from "../shared/api/openapi.json" with { type: "json" };
import { OPERATION_IDS, OPERATIONS } from "../shared/api/contract.ts";
import { methodsOf, openapiPath } from "../shared/api/operation.ts";
import { HTTP_STATUS } from "../shared/errors/errors.ts";
import { KeyRequestSchema } from "../shared/etsi014/key-request.ts";
import { errorsOf, jsonSchemaOf } from "./generate/openapi.ts";
import { staleFiles } from "./generate.ts";

const run = promisify(execFile);

describe("what is generated and committed", () => {
  test("is up to date", async () => {
    expect(await staleFiles()).toEqual([]);
  });

  test("--check says so and exits 0", async () => {
    const script = fileURLToPath(new URL("generate.ts", import.meta.url));
    await expect(run(process.execPath, [script, "--check"])).resolves.toMatchObject({ stderr: "" });
  });
});

describe("the OpenAPI document", () => {
  test.each(OPERATION_IDS)("%s: every success and every error is documented, and nothing else", (id) => {
    const operation = OPERATIONS[id];
    const paths: Record<string, Record<string, { responses: object }>> = openapi.paths;
    const expected = new Set([
      ...Object.keys(operation.responses),
      ...errorsOf(operation).map((code) => String(HTTP_STATUS[code])),
    ]);
    for (const method of methodsOf(operation)) {
      const documented = Object.keys(paths[openapiPath(operation)]?.[method]?.responses ?? {});
      expect(documented.sort()).toEqual([...expected].sort());
    }
  });

  test.each(OPERATION_IDS)("%s: the parameters of its path are documented", (id) => {
    const { pathParameters = {} } = OPERATIONS[id];
    expect(
      [...openapiPath(OPERATIONS[id]).matchAll(/\{(?<name>[^}]+)\}/g)].map((match) => match.groups?.["name"]),
    ).toEqual(Object.keys(pathParameters));
  });

  test("every reference leads somewhere", () => {
    const references = [...JSON.stringify(openapi).matchAll(/"#\/components\/schemas\/(?<name>[^"]+)"/g)];
    expect(references.length).toBeGreaterThan(20);
    for (const match of references) expect(Object.keys(openapi.components.schemas)).toContain(match.groups?.["name"]);
  });

  test("examples are valid against the schemas they illustrate", () => {
    for (const id of OPERATION_IDS) {
      const { request } = OPERATIONS[id];
      if (request?.schema !== undefined && request.example !== undefined)
        expect([id, v.safeParse(request.schema, request.example).success]).toEqual([id, true]);
    }
  });

  test("strict objects forbid unknown members, tolerant ones do not", () => {
    expect(jsonSchemaOf(v.optional(v.strictObject({ a: v.string() })))).toMatchObject({ additionalProperties: false });
    expect(JSON.stringify(jsonSchemaOf(KeyRequestSchema))).not.toContain("additionalProperties");
  });
});

/** The OpenAPI document as a page one can read: no script, nothing fetched from elsewhere. */
import { sha256 } from "@noble/hashes/sha2.js";
import { toBase64 } from "../../../shared/bytes/base64.ts";
import { Html, html, nothing } from "./html.ts";
import type { Content, OpenapiDocument, OperationObject, Parameter, Schema } from "./openapi-types.ts";
import { STYLE } from "./style.ts";

/** Whole, so that no formatter adds white space that the hash does not know. */
const styleElement = new Html(`<style>${STYLE}</style>`);
const styleHash = toBase64(sha256(new TextEncoder().encode(STYLE)));

export const docsCsp = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

interface Route {
  readonly path: string;
  readonly method: string;
  readonly operation: OperationObject;
}

const routesOf = (document: OpenapiDocument): readonly Route[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

const section = (title: string, content: Html): Html =>
  html`<h4>${title}</h4>
    ${content}`;

function parametersTable(parameters: readonly Parameter[]): Html {
  const rows = parameters.map(
    (parameter) =>
      html`<tr>
        <th>
          <code>${parameter.name}</code><br /><span class="soft">${parameter.in}</span
          >${parameter.required ? html` <span class="required">required</span>` : nothing}
        </th>
        <td>${parameter.description}</td>
      </tr>`,
  );
  return section(
    "Parameters",
    html`<table>
      ${rows}
    </table>`,
  );
}

/** A schema that stands in the components is linked to, others are shown in place. */
function schemaView(schema: Schema | undefined): Html {
  if (schema === undefined) return nothing;
  const name = typeof schema["$ref"] === "string" ? schema["$ref"].split("/").at(-1) : undefined;
  return name === undefined ? schemaDetails("schema", schema) : html` <a href="#schema-${name}">${name}</a>`;
}

const schemaDetails = (title: string, schema: Schema): Html =>
  html`<details>
    <summary>${title}</summary>
    <pre>${JSON.stringify(schema, null, 2)}</pre>
  </details>`;

function contentView(content: Content | undefined): Html {
  const views = Object.entries(content ?? {}).map(
    ([type, { schema, example }]) =>
      html`<span class="soft">${type}</span
        >${schemaView(schema)}${example === undefined ? nothing : html`<pre>${JSON.stringify(example, null, 2)}</pre>`}`,
  );
  return html`${views}`;
}

function bodyView({ requestBody }: OperationObject): Html {
  if (requestBody === undefined) return nothing;
  return section(
    "Request body",
    html`<p>
        ${requestBody.description}${requestBody.required ? html` <span class="required">required</span>` : nothing}
      </p>
      ${contentView(requestBody.content)}`,
  );
}

function responsesView({ responses }: OperationObject): Html {
  const rows = Object.entries(responses).map(
    ([status, { description, content }]) =>
      html`<tr>
        <th class="status">${status}</th>
        <td>${description}<br />${contentView(content)}</td>
      </tr>`,
  );
  return section(
    "Responses",
    html`<table>
      ${rows}
    </table>`,
  );
}

/** The base URL and the credentials are the reader's. */
const curlOf = (operation: OperationObject): string =>
  operation["x-action"] === null
    ? `curl "$QKD_EDGE"${operation["x-curl"]}`
    : `curl -H "Authorization: Bearer $QKD_TOKEN" "$QKD_EDGE"${operation["x-curl"]}`;

function needs(action: OperationObject["x-action"]): Html | string {
  if (action === null) return "Open to anybody.";
  if (action === "authenticated") return "Open to anybody who is known here.";
  return html`Needs the right <code>${action}</code>.`;
}

function article({ path, method, operation }: Route): Html {
  const action = operation["x-action"];
  return html`<article id="${operation.operationId}">
    <h3>${operation.summary}</h3>
    <div class="route"><span class="method ${method}">${method}</span><span>${path}</span></div>
    ${operation.description === undefined ? nothing : html`<p>${operation.description}</p>`}
    <p class="soft">${needs(action)}</p>
    ${operation.parameters === undefined ? nothing : parametersTable(operation.parameters)}
    ${bodyView(operation)}${section("Example", html`<pre>${curlOf(operation)}</pre>`)}${responsesView(operation)}
  </article> `;
}

function navigation(document: OpenapiDocument, routes: readonly Route[]): Html {
  const groups = document.tags.map(({ name }) => {
    const items = routes
      .filter(({ operation }) => operation.tags.includes(name))
      .map(
        ({ method, operation }) =>
          html`<li>
            <a href="#${operation.operationId}"><span class="method ${method}">${method}</span> ${operation.summary}</a>
          </li>`,
      );
    return html`<h2>${name}</h2>
      <ul>
        ${items}
      </ul>`;
  });
  return html`<nav aria-label="Operations">
    ${groups}
    <h2>Schemas</h2>
    <ul>
      <li><a href="#schemas">All schemas</a></li>
    </ul>
  </nav>`;
}

export function renderDocs(document: OpenapiDocument): string {
  const routes = routesOf(document);
  const { title, version, description } = document.info;
  const tags = document.tags.map(
    ({ name }) =>
      html`<h2 class="tag">${name}</h2>
        ${routes.filter(({ operation }) => operation.tags.includes(name)).map(article)}`,
  );
  const schemas = Object.entries(document.components.schemas).map(
    ([name, schema]) =>
      html`<article id="schema-${name}">
        <h3>${name}</h3>
        ${schemaDetails("JSON Schema", schema)}
      </article>`,
  );
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <title>${title} API</title>
        ${styleElement}
      </head>
      <body>
        <div class="page">
          ${navigation(document, routes)}
          <main>
            <p class="soft"><a href="/docs/">Documentation</a> · <a href="/">Dashboard</a></p>
            <h1>${title} API</h1>
            <p class="soft">
              Version ${version} · <a href="/openapi.json">openapi.json</a> ·
              <a href="/api/v1/network/schema">network document schema</a>
            </p>
            <p>${description}</p>
            ${tags}
            <h2 class="tag" id="schemas">Schemas</h2>
            ${schemas}
          </main>
        </div>
      </body>
    </html> `;
  return page.text;
}

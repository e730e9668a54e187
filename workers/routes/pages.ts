/**
 * Pages for browsers: files that scripts/web/build.ts has put into `dist/web`. Whatever holds them there (`ASSETS`) gives
 * the bytes only: types and headers are said here, for every way to run alike.
 */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { ok, type Result } from "../../shared/result.ts";
import { respond } from "../middleware/respond.ts";
import type { Call, Reply, StreamReply } from "./handler.ts";

const HTML = "text/html; charset=utf-8";
/** Extension -> type. Files of any other are not served. */
const TYPES: Readonly<Record<string, string>> = {
  html: HTML,
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  png: "image/png",
  ico: "image/x-icon",
  woff2: "font/woff2",
  wasm: "application/wasm",
  json: "application/json",
  webmanifest: "application/manifest+json",
};

/** Plain names only, none of them beginning with a dot: nothing here climbs out of a folder, and no folder is listed. */
const FILE = /^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*\/)*[A-Za-z0-9_-][A-Za-z0-9._-]*\.(?<extension>[a-z0-9]+)$/;

/** Vite puts these there, and their contents into their names. */
const HASHED = /^assets\/.*-[A-Za-z0-9_-]{8}\.[a-z0-9]+$/;
const A_YEAR = "public, max-age=31536000, immutable";
/** May be kept, but asked for each time. */
const ASKED_FOR = "no-cache";

/** A page's files come from this host and nowhere else, and the page stands in no frame. */
const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "media-src 'self' blob:",
  "font-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Pictures bring their own colours, and nothing else. */
const PICTURE_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/** What no page here needs, and the microphone for one that calls. */
const permissions = (microphone: "self" | ""): string =>
  [
    `microphone=(${microphone})`,
    ...["camera", "display-capture", "geolocation", "usb", "serial", "hid", "payment", "midi"].map(
      (feature) => `${feature}=()`,
    ),
  ].join(", ");

const HEADERS = {
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
} as const;

interface Page {
  /** Its folder in `ASSETS`. */
  readonly folder: string;
  readonly microphone: "self" | "";
}

const DASHBOARD: Page = { folder: "dashboard", microphone: "" };
const DOCS: Page = { folder: "docs", microphone: "" };
const MESSENGER: Page = { folder: "messenger", microphone: "self" };

export async function getDashboard(call: Call): StreamReply {
  return await fileOf(DASHBOARD, "index.html", call);
}

export async function getDashboardFile(call: Call): StreamReply {
  return await fileOf(DASHBOARD, call.path["file"] ?? "", call);
}

export async function openDocs(): Reply {
  return await Promise.resolve(ok(respond(null, HTML, 308, { ...HEADERS, Location: "/docs/" })));
}

/** Its pages have no extension in their addresses. */
export async function getDocsFile(call: Call): StreamReply {
  const file = call.path["file"] ?? "";
  const name = file === "" ? "index.html" : /\.[a-z0-9]+$/.test(file) ? file : `${file}.html`;
  const found = await fileOf(DOCS, name, call);
  if (found.ok || call.request.headers.get("Accept")?.includes("text/html") !== true) return found;
  // In a browser one gets on from there.
  const lost = await fileOf(DOCS, "404.html", call, 404);
  return lost.ok ? lost : found;
}

export async function openMessenger(): Reply {
  return await Promise.resolve(ok(respond(null, HTML, 308, { ...HEADERS, Location: "/messenger/" })));
}

export async function getMessenger(call: Call): StreamReply {
  return await fileOf(MESSENGER, call.path["file"] === "" ? "index.html" : (call.path["file"] ?? ""), call);
}

async function fileOf(
  { folder, microphone }: Page,
  file: string,
  { env }: Pick<Call, "env">,
  status = 200,
): Promise<Result<Response, Fault>> {
  const type = TYPES[FILE.exec(file)?.groups?.["extension"] ?? ""];
  if (type === undefined) return fail("not-found", "no such file");
  const found = await env.ASSETS.fetch(`http://assets/${folder}/${file}`);
  if (found.status !== 200) {
    await found.body?.cancel();
    return fail("not-found", "no such file");
  }
  const headers = {
    ...HEADERS,
    "Content-Type": type,
    "Cache-Control": HASHED.test(file) ? A_YEAR : ASKED_FOR,
    "Content-Security-Policy": type === TYPES["svg"] ? PICTURE_CSP : CSP,
    "Permissions-Policy": permissions(microphone),
  };
  return ok(new Response(found.body, { status, headers }));
}

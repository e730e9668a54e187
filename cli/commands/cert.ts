/** `qkd cert sign`: the sites' authority certifies what an agent asks for. The others are in `cert-authority.ts`. */
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Subject } from "../../pki/request.ts";
import { siteOfUri, siteUri } from "../../pki/site-name.ts";
import { MAX_DAYS, orFailure } from "../lib/authority-folder.ts";
import type { Command, CommandContext } from "../lib/command.ts";
import { CliFailure, EXIT, type ExitCode } from "../lib/failure.ts";
import { JSON_OPTION, readText } from "../lib/settings.ts";
import { authorityCommands } from "./cert-authority.ts";

const DEFAULT_DAYS = 730;

const sign: Command = {
  name: "cert sign",
  summary: "certify the key of a site's agent",
  positional: { name: "REQUEST", min: 1, max: 1 },
  options: {
    "ca-cert": { type: "string", value: "<file>", help: "PEM: the authority's certificate" },
    "ca-key": { type: "string", value: "<file>", help: "PEM: its key (EC P-256)" },
    site: { type: "string", value: "<site>", help: "the site that the request may name, and has to" },
    out: { type: "string", value: "<file>", help: "where the certificate goes (default: REQUEST without .csr)" },
    days: { type: "string", value: "<n>", help: `how long it is good (default ${DEFAULT_DAYS})` },
    ...JSON_OPTION,
  },
  notes: [
    "An agent without a certificate writes a request beside where it should be. Look at the names that are printed: whoever",
    "holds the certificate speaks for them. Only names and key are taken from the request.",
    "",
    "Example: qkd cert sign site-a.crt.csr --ca-cert ca.crt --ca-key ca.key --site site-a",
  ],
  run: runSign,
};

async function runSign({ args, around, terminal }: CommandContext): Promise<ExitCode> {
  const from = (file: string): string => path.resolve(around.cwd, file);
  const request = from(args.first());
  const out = from(args.text("out") ?? request.replace(/\.csr$/, ""));
  if (existsSync(out)) throw new CliFailure(`${out} is there already: --out names another file`);
  const days = args.wholeNumber("days", 1, MAX_DAYS) ?? DEFAULT_DAYS;
  // Loaded only here: it is large, and seldom needed.
  const [{ loadAuthority }, { readRequest, signRequest }] = await Promise.all([
    import("../../pki/authority.ts"),
    import("../../pki/request.ts"),
  ]);
  const text = readText(request);
  const subject = await orFailure(request, readRequest(text));
  checkSite(subject, args.required("site"));
  const [cert, key] = [from(args.required("ca-cert")), from(args.required("ca-key"))];
  const authority = await orFailure(`${cert}, ${key}`, loadAuthority(readText(cert), readText(key)));
  const certificate = await orFailure(request, signRequest(text, authority, { now: Date.now(), days }));
  writeFileSync(out, certificate, { flag: "wx", mode: 0o644 });
  const names = [...subject.uris, ...subject.addresses];
  if (args.flag("json"))
    terminal.line(JSON.stringify({ common_name: subject.commonName, names, days, certificate: out }));
  else {
    terminal.line(`certified for ${days} days: CN ${subject.commonName}`);
    for (const name of names) terminal.line(`  ${name}`);
    terminal.line(`-> ${out}`);
  }
  return EXIT.ok;
}

/** Nobody gets to speak for another site by asking for it. */
function checkSite({ uris }: Subject, site: string): void {
  const named = uris.flatMap((uri) => siteOfUri(uri) ?? []);
  const other = named.find((each) => each !== site);
  if (other !== undefined) throw new CliFailure(`the request is for site "${other}", not "${site}"`);
  if (named.length === 0) throw new CliFailure(`the request does not name the site: it lacks the URI ${siteUri(site)}`);
}

export const certCommands: readonly Command[] = [sign, ...authorityCommands];

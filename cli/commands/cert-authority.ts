/** `qkd cert issue|list|revoke`: a small authority for trials, in a folder. A network in earnest brings its own. */
import { existsSync, mkdirSync } from "node:fs";
import { isIP } from "node:net";
import path from "node:path";
import { PLAIN_ID } from "../../shared/network/plain-id.ts";
import type { Args } from "../lib/args.ts";
import { AuthorityFolder, MAX_DAYS, orFailure, serialOf } from "../lib/authority-folder.ts";
import { commonNameOf } from "../lib/certificate.ts";
import { type Command, type CommandContext, NO_POSITIONALS } from "../lib/command.ts";
import { CliFailure, EXIT, type ExitCode } from "../lib/failure.ts";
import { newSecretFile } from "../lib/secret-file.ts";
import { JSON_OPTION, stateFolder, type Surroundings } from "../lib/settings.ts";
import { didYouMean } from "../lib/suggest.ts";
import { plural, renderTable } from "../lib/text.ts";

const DAY_MS = 24 * 3600 * 1000;
const DEFAULT_DAYS = 365;
const CRL_DAYS = 30;
const MAX_NAMES = 100;

const FOLDER_OPTIONS = {
  dir: { type: "string", value: "<dir>", help: "folder of the authority (default: certs of the state folder)" },
  state: { type: "string", value: "<dir>", help: "state folder of `npm start`; else QKD_STATE (default .qkd)" },
  ...JSON_OPTION,
} as const;

const folderOf = (args: Args, around: Surroundings): AuthorityFolder =>
  new AuthorityFolder(path.resolve(around.cwd, args.text("dir") ?? path.join(stateFolder(args, around), "certs")));

const issue: Command = {
  name: "cert issue",
  summary: "make a key and a certificate, of a small authority of one's own",
  positional: { name: "NAME", min: 1, max: 1 },
  options: {
    "new-authority": { type: "boolean", help: "make the authority first, where there is none yet" },
    server: { type: "boolean", help: "for a KME; otherwise for a client: an SAE" },
    cn: { type: "string", value: "<text>", help: "its common name (default NAME)" },
    san: {
      type: "string",
      value: "<a,b>",
      help: "names: hosts, IP addresses, or URI:sae://a (default: of a server NAME)",
    },
    days: { type: "string", value: "<n>", help: `how long it is good (default ${DEFAULT_DAYS})` },
    ...FOLDER_OPTIONS,
  },
  notes: [
    "Writes NAME.crt, and NAME.key that its owner alone can read. What is there is not overwritten.",
    "The network document tells who shows it: a credential of type certificate.",
    "",
    "Example: npm run qkd -- cert issue sae-x",
    "         npm run qkd -- cert issue kme-x --server --san kme.example,192.0.2.7 --dir trial --new-authority",
  ],
  run: runIssue,
};

async function runIssue({ args, around, terminal }: CommandContext): Promise<ExitCode> {
  const name = nameWanted(args.first());
  const days = args.wholeNumber("days", 1, MAX_DAYS) ?? DEFAULT_DAYS;
  const usage = args.flag("server") ? "server" : "client";
  const sans = (args.text("san")?.split(",") ?? (usage === "server" ? [name] : [])).map(generalName);
  const folder = folderOf(args, around);
  const files = [`${name}.crt`, `${name}.key`];
  const there = files.find((file) => existsSync(folder.file(file)));
  if (there !== undefined) throw new CliFailure(`${folder.file(there)} is there already`);
  const isNew = !folder.exists && args.flag("new-authority");
  if (isNew) mkdirSync(folder.folder, { recursive: true });
  const authority = isNew ? await folder.create(`qkd trial CA ${new Date().toISOString()}`) : await folder.load();
  const pki = await import("../../pki/authority.ts");
  const request = {
    commonName: args.text("cn") ?? name,
    usage,
    sans,
    notAfter: new Date(Date.now() + days * DAY_MS),
  } as const;
  const issued = await orFailure(name, pki.issue(authority, request));
  newSecretFile(folder.file(`${name}.key`)).write(issued.key);
  folder.writeNew(`${name}.crt`, issued.certificate);
  const told = { name, common_name: request.commonName, serial: issued.serialNumber, usage, days };
  if (args.flag("json")) terminal.line(JSON.stringify({ ...told, folder: folder.folder, new_authority: isNew }));
  else {
    if (isNew) terminal.line(`a new authority -> ${folder.file("ca.crt")}`);
    terminal.line(`certified as a ${usage} for ${days} days: CN ${told.common_name}, serial ${told.serial}`);
    for (const file of files) terminal.line(`-> ${folder.file(file)}`);
  }
  return EXIT.ok;
}

function nameWanted(name: string): string {
  if (name === "ca") throw new CliFailure('"ca" is the authority itself');
  if (new RegExp(`^${PLAIN_ID}$`).test(name)) return name;
  throw new CliFailure(`NAME becomes the name of files: 1 to 64 of A-Z a-z 0-9 . _ -, not "${name.slice(0, 80)}"`);
}

function generalName(text: string) {
  if (text.startsWith("URI:")) return { type: "url", value: text.slice("URI:".length) } as const;
  const value = text.replace(/^(?:DNS|IP):/, "");
  if (value === "") throw new CliFailure("--san holds an empty name");
  return { type: isIP(value) === 0 ? "dns" : "ip", value } as const;
}

const list: Command = {
  name: "cert list",
  summary: "list what the small authority has issued, and what of it is revoked",
  positional: NO_POSITIONALS,
  options: FOLDER_OPTIONS,
  async run({ args, around, terminal, paint }) {
    const folder = folderOf(args, around);
    const crl = await folder.crl();
    const revoked = new Set(crl?.revoked.map(({ serialNumber }) => serialNumber));
    const certificates = folder.issued().map(({ name, certificate }) => ({
      name,
      common_name: commonNameOf(certificate) ?? "-",
      serial: serialOf(certificate),
      good_until: new Date(certificate.validTo).toISOString(),
      state: revoked.has(serialOf(certificate))
        ? "revoked"
        : Date.parse(certificate.validTo) < Date.now()
          ? "expired"
          : "good",
    }));
    const until = crl?.goodUntil?.toISOString() ?? null;
    if (args.flag("json")) {
      terminal.line(JSON.stringify({ certificates, crl_good_until: until }));
      return EXIT.ok;
    }
    const rows = certificates.map((each) => [
      each.name,
      each.common_name,
      paint(each.state),
      each.good_until,
      each.serial,
    ]);
    for (const line of renderTable(["name", "CN", "state", "good until", "serial"], rows)) terminal.line(line);
    if (until !== null) terminal.line(`ca.crl is good until ${until}`);
    return EXIT.ok;
  },
};

const revoke: Command = {
  name: "cert revoke",
  summary: "put certificates on the small authority's revocation list, or renew the list",
  positional: { name: "[NAME|SERIAL...]", min: 0, max: MAX_NAMES },
  options: {
    days: { type: "string", value: "<n>", help: `how long the list is good (default ${CRL_DAYS})` },
    ...FOLDER_OPTIONS,
  },
  notes: [
    "Writes ca.crl; KME fronts that use the folder take it up at once. Once the list has run out they refuse every client:",
    "cert revoke without a name renews it. `revoke certificate @FILE` is what the edge itself goes by.",
    "",
    "Example: npm run qkd -- cert revoke sae-x",
  ],
  async run({ args, around, terminal }) {
    const days = args.wholeNumber("days", 1, MAX_DAYS) ?? CRL_DAYS;
    const folder = folderOf(args, around);
    const before = (await folder.crl())?.revoked ?? [];
    const known = new Set(before.map(({ serialNumber }) => serialNumber));
    const wanted = [...new Set(serialsWanted(folder, args.positionals))].filter((serial) => !known.has(serial));
    const revoked = [...before, ...wanted.map((serialNumber) => ({ serialNumber, revokedAt: new Date() }))];
    const { issueCrl } = await import("../../pki/crl.ts");
    folder.replaceCrl(await orFailure("ca.crl", issueCrl(await folder.load(), revoked, { days })));
    const told = { revoked: wanted, on_the_list: revoked.length, days };
    terminal.line(
      args.flag("json")
        ? JSON.stringify(told)
        : `revoked ${plural(wanted.length, "certificate")}; ${revoked.length} on the list, good for ${days} days -> ${folder.file("ca.crl")}`,
    );
    return EXIT.ok;
  },
};

/** @throws CliFailure for a name or serial that the authority has not issued */
function serialsWanted(folder: AuthorityFolder, wanted: readonly string[]): readonly string[] {
  const issued = folder.issued().map(({ name, certificate }) => ({ name, serial: serialOf(certificate) }));
  return wanted.map((text) => {
    const serial = text.replaceAll(":", "").toLowerCase();
    const found = issued.find((each) => each.name === text || each.serial === serial);
    if (found !== undefined) return found.serial;
    const meant = didYouMean(
      text,
      issued.map(({ name }) => name),
    );
    throw new CliFailure(`the authority of ${folder.folder} has issued nothing named "${text.slice(0, 80)}".${meant}`);
  });
}

export const authorityCommands: readonly Command[] = [issue, list, revoke];

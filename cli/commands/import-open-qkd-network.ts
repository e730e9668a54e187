/** `qkd import` of kms.conf, site.properties, routes.json: what a site of Open-QKD-Network becomes here. */
import { originalObject, originalText, type SiteFile } from "../../shared/open-qkd-network/original-files.ts";
import { type ImportedSite, importSite } from "../../shared/open-qkd-network/original-site.ts";
import type { CommandContext } from "../lib/command.ts";
import { CliFailure } from "../lib/failure.ts";
import { keyTables, type ReadFile } from "../lib/imported.ts";

export const siteFileOf = ({ text, parsed }: ReadFile): SiteFile | null => originalText(text) ?? originalObject(parsed);

/** Files of one site, in any order. */
export function runOpenQkdNetwork({ args, terminal }: CommandContext, files: readonly ReadFile[]): void {
  const read = files.map((file) => ({ name: file.name, site: siteFileOf(file) }));
  const other = read.find(({ site }) => site === null);
  if (other !== undefined) {
    throw new CliFailure(
      `${other.name}: no file of a site of Open-QKD-Network`,
      "kms.conf has three URLs and the site, site.properties kms.site.id, routes.json adjacent",
    );
  }
  const imported = importSite(
    read.flatMap(({ site }) => site ?? []),
    nodesBySite(args.text("nodes")),
  );
  const { parts, toml, open, mapped, ignored, problems } = imported;
  if (problems.length > 0) throw new CliFailure(problems.join("; "));
  if (args.flag("json")) terminal.line(JSON.stringify({ parts, toml: toml.join("\n"), open, mapped, ignored }));
  else for (const line of describe(imported)) terminal.line(line);
}

/** `A=tn-1,B=tn-2`. */
function nodesBySite(text: string | undefined): ReadonlyMap<string, string> {
  const pairs = (text ?? "").split(",").filter((each) => each !== "");
  return new Map(
    pairs.map((pair) => {
      const [site = "", node = "", ...more] = pair.split("=");
      if (site === "" || node === "" || more.length > 0) {
        throw new CliFailure(`--nodes: "${pair}" is not SITE=NODE`, "--nodes A=tn-1,B=tn-2");
      }
      return [site, node];
    }),
  );
}

const describe = ({ parts, toml, open, mapped, ignored }: ImportedSite): readonly string[] => [
  "parts of the network document (network show, network apply):",
  "",
  ...JSON.stringify(parts, null, 2).split("\n"),
  ...(toml.length === 0 ? [] : ["", "lines of the site's agent.toml, besides edge and site:", "", ...toml]),
  "",
  "what the files do not tell:",
  "",
  ...open.map((line) => `- ${line}`),
  "",
  ...keyTables({ mapped, ignored }),
];

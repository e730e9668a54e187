/** The links an edge knows, for commands that name one. */
import { LinksSchema } from "../../shared/api/schemas.ts";
import { expectShape } from "./answers.ts";
import type { Api } from "./api.ts";
import { CliFailure } from "./failure.ts";
import { didYouMean } from "./suggest.ts";

/** Ids of all links that the caller may see. */
export async function listLinks(api: Api): Promise<string[]> {
  const { links } = expectShape(LinksSchema, (await api.get("/api/v1/links")).json);
  return links.map(({ link }) => link);
}

export const noSuchLink = (link: string, known: readonly string[]): CliFailure =>
  new CliFailure(`no link "${link.slice(0, 80)}".${didYouMean(link, known)}`);

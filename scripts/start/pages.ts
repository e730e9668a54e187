/** The pages of a running engine: a copy of its own, for those in `dist/web` are built anew while it runs. */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildPages, WEB } from "../web/build.ts";
import { messageOf, oneLine, StartFailure } from "./failure.ts";
import { PROJECT } from "./paths.ts";
import type { StateFolder } from "./state-folder.ts";

/** @returns the folder of their files */
export async function ensurePages({ run }: StateFolder): Promise<string> {
  try {
    await buildPages();
  } catch (thrown) {
    throw new StartFailure(`cannot build the pages: ${oneLine(messageOf(thrown))}`, { cause: thrown });
  }
  const folder = join(run, "pages");
  rmSync(folder, { recursive: true, force: true });
  cpSync(join(PROJECT, WEB), folder, { recursive: true });
  return folder;
}

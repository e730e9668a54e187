/** The file with the one-time token. */
import { readFile, stat } from "node:fs/promises";
import { err, ok, type Result } from "../../../shared/result.ts";
import { messageOf } from "../../log.ts";

const OTHERS = 0o077;
/** Where systemd places a service's credentials: it lets that service in by an ACL, which shows as the group's bits. */
const CREDENTIALS = "/run/credentials/";

export interface TokenFile {
  readonly token: string;
  /** Others than the owner may read it. */
  readonly isOpen: boolean;
}

export async function readTokenFile(file: string): Promise<Result<TokenFile, string>> {
  try {
    const token = (await readFile(file, "utf8")).trim();
    if (!/^[A-Za-z0-9._~+/=-]{16,512}$/.test(token)) return err(`${file} holds no token`);
    return ok({ token, isOpen: !file.startsWith(CREDENTIALS) && ((await stat(file)).mode & OTHERS) !== 0 });
  } catch (thrown) {
    return err(messageOf(thrown));
  }
}

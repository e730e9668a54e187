/** A folder with a small authority of one's own: ca.crt, ca.key, ca.crl, and NAME.crt with NAME.key for each it has issued. */
import type { X509Certificate } from "node:crypto";
import { existsSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Authority } from "../../pki/authority.ts";
import type { Crl } from "../../pki/crl.ts";
import { certificateIn } from "./certificate.ts";
import { CliFailure } from "./failure.ts";
import { newSecretFile } from "./secret-file.ts";
import { readText } from "./settings.ts";

export const MAX_DAYS = 3652;
const PUBLIC_FILE = 0o644;
/** Of one folder, looked at. */
const CERTIFICATES_MAX = 10_000;

export interface Listed {
  /** Of its files, without what comes behind the dot. */
  readonly name: string;
  readonly certificate: X509Certificate;
}

export class AuthorityFolder {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  file(name: string): string {
    return path.join(this.folder, name);
  }

  get exists(): boolean {
    return existsSync(this.file("ca.crt"));
  }

  /** Its certificate. @throws CliFailure where there is none */
  pem(): string {
    if (!this.exists) throw new CliFailure(`no authority in ${this.folder}`, "cert issue --new-authority makes one");
    return readText(this.file("ca.crt"));
  }

  /** @throws CliFailure where it lacks its key, or that is another's */
  async load(): Promise<Authority> {
    const [cert, key] = [this.pem(), readText(this.file("ca.key"))];
    const { loadAuthority } = await import("../../pki/authority.ts");
    return await orFailure(`${this.file("ca.crt")}, ca.key`, loadAuthority(cert, key));
  }

  /** A new authority in it. @throws CliFailure where a file of one is there already */
  async create(commonName: string): Promise<Authority> {
    const [{ createAuthority }, { privateKeyPem }] = await Promise.all([
      import("../../pki/authority.ts"),
      import("../../pki/keys.ts"),
    ]);
    const authority = await createAuthority(commonName);
    newSecretFile(this.file("ca.key")).write(await privateKeyPem(authority.keys.privateKey));
    this.writeNew("ca.crt", authority.certificate.toString("pem"));
    return authority;
  }

  /** Null where nothing was revoked yet. @throws CliFailure where it is no list, or another authority's */
  async crl(): Promise<Crl | null> {
    const file = this.file("ca.crl");
    if (!existsSync(file)) return null;
    const { readCrl } = await import("../../pki/crl.ts");
    return await orFailure(file, readCrl(readText(file), this.pem()));
  }

  /** As a whole: who reads it meanwhile reads the one before. */
  replaceCrl(pem: string): void {
    const file = this.file("ca.crl");
    writeFileSync(`${file}.new`, pem, { mode: PUBLIC_FILE });
    renameSync(`${file}.new`, file);
  }

  writeNew(name: string, text: string): void {
    writeFileSync(this.file(name), text, { flag: "wx", mode: PUBLIC_FILE });
  }

  /** All that it has issued, by name. Certificates of others are passed over. */
  issued(): readonly Listed[] {
    const authority = certificateIn(this.pem(), this.file("ca.crt"));
    const names = readdirSync(this.folder).filter((name) => name.endsWith(".crt") && name !== "ca.crt");
    if (names.length > CERTIFICATES_MAX)
      throw new CliFailure(`${this.folder}: more than ${CERTIFICATES_MAX} certificates`);
    return names
      .toSorted()
      .map((name) => ({
        name: name.slice(0, -".crt".length),
        certificate: certificateIn(readText(this.file(name)), this.file(name)),
      }))
      .filter(({ certificate }) => certificate.checkIssued(authority));
  }
}

/** As lists of revocations have it. */
export const serialOf = ({ serialNumber }: X509Certificate): string => serialNumber.toLowerCase();

/** @throws CliFailure in place of any other error */
export async function orFailure<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    throw new CliFailure(`${what}: ${thrown instanceof Error ? thrown.message : "cannot be used"}`);
  }
}

/** A client certificate for tests that look at one only. */
import { createAuthority, issue } from "../../pki/authority.ts";

/** PEM. */
export async function clientCertificate(commonName: string): Promise<string> {
  const authority = await createAuthority("an authority of the tests");
  return (await issue(authority, { commonName, usage: "client" })).certificate;
}

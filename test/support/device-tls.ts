/** Certificates for a device and for the agent beside it, as PEM. */
import { createAuthority, issue, type Issued } from "../../pki/authority.ts";

export interface DeviceCertificates {
  readonly ca: string;
  readonly device: Issued;
  readonly agent: Issued;
}

export async function deviceCertificates(): Promise<DeviceCertificates> {
  const authority = await createAuthority("device CA");
  return {
    ca: authority.certificate.toString("pem"),
    device: await issue(authority, {
      commonName: "device",
      usage: "server",
      sans: [{ type: "ip", value: "127.0.0.1" }],
    }),
    agent: await issue(authority, { commonName: "agent-a", usage: "client" }),
  };
}

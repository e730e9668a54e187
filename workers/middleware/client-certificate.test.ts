import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { clientCert, tlsClientAuth } from "../../test/support/in-workerd-certificates.ts";
import { parseClientCert, tlsClientCertificate } from "./client-certificate.ts";

const NOW_MS = Date.now();
const cert = await clientCert({
  subject: String.raw`CN=sae-a\, CN=sae-b, OU=x + O="y, z"`,
  names: [
    { type: "dns", value: "SAE-A.example" },
    { type: "url", value: "sae://a, DNS:evil" },
    { type: "ip", value: "10.0.0.1" },
  ],
});
const fingerprint = async (rfc9440: string) => {
  const der = Uint8Array.from(atob(rfc9440.slice(1, -1)), (char) => char.charCodeAt(0));
  return [...new Uint8Array(await crypto.subtle.digest("SHA-256", der))]
    .map((b) => b.toString(16).padStart(2, "0"))
    .join("");
};

describe("an RFC 9440 certificate", () => {
  it("is told by fingerprint, SANs and CN, none passing for another", async () => {
    expect(parseClientCert(cert)).toMatchObject({
      ok: true,
      value: {
        fingerprint: await fingerprint(cert),
        sans: ["DNS:sae-a.example", "URI:sae://a, DNS:evil"],
        commonName: "sae-a, CN=sae-b",
      },
    });
  });

  it("may be without SANs, but not with two CNs", async () => {
    expect(parseClientCert(await clientCert({ subject: "CN=sae-é" }))).toMatchObject({
      ok: true,
      value: { sans: [], commonName: "sae-é" },
    });
    expect(parseClientCert(await clientCert({ subject: "CN=a, CN=b" })).ok).toBe(false);
    expect(parseClientCert(await clientCert({ subject: "CN=a + CN=b" })).ok).toBe(false);
    expect(parseClientCert(await clientCert({ subject: "O=x" }))).toMatchObject({
      ok: true,
      value: { commonName: null },
    });
  });

  it.each([
    "",
    "::",
    ":AAAA:",
    cert.slice(1),
    `${cert}:`,
    ":!!:",
    cert.replace(/.{9}:$/u, ":"),
    `:${"A".repeat(LIMITS.clientCertificateChars)}:`,
  ])("is refused when malformed (%#)", (value) => {
    expect(parseClientCert(value).ok).toBe(false);
  });

  it("lets no URI pass for several names", async () => {
    const odd = fc.string({
      unit: fc.constantFrom("a", ":", ",", ", ", '"', "\\", "DNS:", "URI:", "\n"),
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(odd, async (value) => {
        const parsed = parseClientCert(await clientCert({ subject: "CN=a", names: [{ type: "url", value }] }));
        expect(parsed).toMatchObject({ ok: true, value: { sans: [`URI:${value}`] } });
      }),
      { numRuns: 50 },
    );
  });

  it("lets no CN pass for several attributes", async () => {
    const odd = fc.string({
      unit: fc.constantFrom("a", "=", ",", "+", '"', "\\", "CN=", "\n", "é", " ", "#"),
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(odd, async (value) => {
        const subject = [
          ["O", "first"],
          ["CN", value],
          ["OU", "last"],
        ].map(([type = "", text = ""]) => ({ [type]: [{ utf8String: text }] }));
        const parsed = parseClientCert(await clientCert({ subject }));
        expect(parsed).toMatchObject({ ok: true, value: { commonName: value } });
      }),
      { numRuns: 50 },
    );
  });
});

const outcome = (auth: Parameters<typeof tlsClientCertificate>[0]) => {
  const result = tlsClientCertificate(auth, NOW_MS);
  return result.ok ? (result.value?.commonName ?? null) : result.error;
};

describe("a TLS connection's certificate", () => {
  const good = tlsClientAuth(cert);
  it("may be absent", () => {
    expect(outcome(undefined)).toBeNull();
    expect(outcome({ certPresented: "0", certVerified: "NONE" })).toBeNull();
  });

  it("counts when verified, not revoked, and what its fingerprint says", async () => {
    expect(outcome(good)).toBe("sae-a, CN=sae-b");
    expect(outcome({ ...good, certFingerprintSHA256: (await fingerprint(cert)).toUpperCase() })).toBe(
      "sae-a, CN=sae-b",
    );
    expect(outcome({ ...good, certFingerprintSHA256: "0".repeat(64) })).toMatch(/fingerprint/u);
    expect(outcome({ ...good, certVerified: "FAILED:self signed certificate" })).toMatch(/not verified/u);
    expect(outcome({ certPresented: "1" })).toMatch(/not verified/u);
    expect(outcome({ ...good, certRevoked: "1" })).toMatch(/revoked/u);
  });

  it("counts within its dates only", async () => {
    const past = await clientCert({
      subject: "CN=x",
      notBefore: new Date(NOW_MS - 9e8),
      notAfter: new Date(NOW_MS - 1e6),
    });
    const future = await clientCert({
      subject: "CN=x",
      notBefore: new Date(NOW_MS + 1e6),
      notAfter: new Date(NOW_MS + 9e8),
    });
    expect(outcome(tlsClientAuth(past))).toMatch(/not in date/u);
    expect(outcome(tlsClientAuth(future))).toMatch(/not in date/u);
  });

  it("too large to be passed on is told by what Cloudflare says of it", () => {
    const fields = {
      certPresented: "1",
      certVerified: "SUCCESS",
      certRevoked: "0",
      certRFC9440: "",
      certFingerprintSHA256: "A".repeat(64),
      certSubjectDNRFC2253: String.raw`CN=sae\,a,O=x`,
      certNotBefore: "Dec 22 19:39:00 2018 GMT",
      certNotAfter: "Dec 22 19:39:00 2999 GMT",
    };
    expect(tlsClientCertificate(fields, NOW_MS)).toMatchObject({
      ok: true,
      value: { fingerprint: "a".repeat(64), sans: [], commonName: "sae,a" },
    });
    expect(outcome({ ...fields, certFingerprintSHA256: "" })).toMatch(/fingerprint/u);
    expect(outcome({ ...fields, certSubjectDNRFC2253: "CN=a,CN=b" })).toMatch(/more than one CN/u);
    expect(outcome({ ...fields, certNotAfter: "soon" })).toMatch(/not in date/u);
  });
});

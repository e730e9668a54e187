/** PEM certificates as commands take them. */
import { X509Certificate } from "node:crypto";
import { CliFailure } from "./failure.ts";

/** @param from what it was read from, as the user named it. @throws CliFailure where it is none */
export function certificateIn(pem: string, from: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new CliFailure(`${from} holds no PEM certificate`);
  }
}

/** Null where its subject has none, or several: an edge takes such a name for nobody's. */
export function commonNameOf(certificate: X509Certificate): string | null {
  const { subject } = certificate.toLegacyObject() as { readonly subject?: { readonly CN?: unknown } };
  return typeof subject?.CN === "string" ? subject.CN : null;
}

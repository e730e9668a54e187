/** Requests for certificates (PKCS #10, RFC 2986), and what an authority makes of them. */
import { isIP } from "node:net";
// oxlint-disable-next-line import/no-unassigned-import -- stands in for a polyfill
import "./reflect.ts";
import * as x509 from "@peculiar/x509";
import { type Authority, certify } from "./authority.ts";
import { generateKeys, keyPairOf, privateKeyPem, SIGNATURE } from "./keys.ts";

const DAY_MS = 24 * 3600 * 1000;

export interface Subject {
  readonly commonName: string;
  readonly uris: readonly string[];
  /** DNS names and IP addresses. */
  readonly addresses: readonly string[];
}

/** PEM, PKCS #8. */
export const makeKey = async (): Promise<string> => await privateKeyPem((await generateKeys()).privateKey);

/** @returns PEM. @throws Error where the key is not one of P-256 */
export async function makeRequest(keyPem: string, { commonName, uris, addresses }: Subject): Promise<string> {
  const names: x509.JsonGeneralNames = [
    ...uris.map((value) => ({ type: "url", value }) as const),
    ...addresses.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }) as const),
  ];
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [commonName] }],
    keys: await keyPairOf(keyPem),
    signingAlgorithm: SIGNATURE,
    extensions: [new x509.SubjectAlternativeNameExtension(names)],
  });
  return request.toString("pem");
}

/** Whose certificate is asked for. @throws Error where this is no request, or not signed by its own key */
export async function readRequest(requestPem: string): Promise<Subject> {
  const request = new x509.Pkcs10CertificateRequest(requestPem);
  if (!(await request.verify())) throw new Error("the request is not signed by its own key");
  const commonNames = request.subjectName.getField("CN");
  const [commonName] = commonNames;
  if (commonName === undefined || commonNames.length > 1) throw new Error("the request shall have one CN");
  const names = namesOf(request)?.items ?? [];
  const odd = names.find(({ type }) => type !== "url" && type !== "dns" && type !== "ip");
  if (odd !== undefined) throw new Error(`the request has a name of the kind "${odd.type}"`);
  const ofType = (...types: readonly string[]) =>
    names.filter(({ type }) => types.includes(type)).map(({ value }) => value);
  return { commonName, uris: ofType("url"), addresses: ofType("dns", "ip") };
}

const namesOf = ({ extensions }: x509.Pkcs10CertificateRequest): x509.GeneralNames | undefined =>
  extensions.find((extension) => extension instanceof x509.SubjectAlternativeNameExtension)?.names;

/**
 * Certifies what was requested: its key and its names. What the key may be used for is decided here, whatever else the
 * request holds.
 * @returns PEM. @throws Error where the request is not what it should be, or the authority's key not its own
 */
export async function signRequest(
  requestPem: string,
  authority: Authority,
  { now, days }: { readonly now: number; readonly days: number },
): Promise<string> {
  const { commonName } = await readRequest(requestPem);
  const request = new x509.Pkcs10CertificateRequest(requestPem);
  const sans = namesOf(request)?.toJSON();
  const leaf = {
    commonName,
    usage: "server",
    ...(sans === undefined ? {} : { sans }),
    notAfter: new Date(now + days * DAY_MS),
  } as const;
  const certificate = await certify(authority, leaf, await request.publicKey.export(), now);
  return certificate.toString("pem");
}

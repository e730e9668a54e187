/** The DER of every PEM block (RFC 7468) of one label, in order. Other text and other labels are passed over. */
export function pemBlocks(text: string, label: string): Buffer[] {
  const block = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`, "g");
  return [...text.matchAll(block)].map((match) => Buffer.from(match[1] ?? "", "base64"));
}

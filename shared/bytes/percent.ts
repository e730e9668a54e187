/** @returns null where the percent-encoding (RFC 3986) is malformed, or not UTF-8 */
export function percentDecoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** Where another deployment is asked. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Null for what is neither https nor, on this machine, http; or holds credentials, a query or a fragment. */
export function questionUrl(base: string, to: string, question: string): string | null {
  if (!URL.canParse(base)) return null;
  const { protocol, hostname, username, password, search, hash, origin, pathname } = new URL(base);
  if (protocol !== "https:" && !(protocol === "http:" && LOOPBACK.test(hostname))) return null;
  if (username !== "" || password !== "" || search !== "" || hash !== "") return null;
  return `${origin}${pathname.replace(/\/+$/, "")}/api/v1/peers/${encodeURIComponent(to)}/${question}`;
}

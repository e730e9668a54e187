/** Pages of the dashboard, as the part of its address behind `#`: `#/links/tn-1-tn-2`. */
export const DETAILS = ["links", "nodes", "pairs", "sites"] as const;
const SINGLES = ["network", "alarms", "audit", "traffic", "configuration"] as const;
export type Detail = (typeof DETAILS)[number];
export type Single = (typeof SINGLES)[number];
export type Route = { readonly page: Single } | { readonly page: Detail; readonly id: string };

export const HOME: Route = { page: "network" };

/** What leads nowhere leads home. */
export function routeOf(hash: string): Route {
  const [page = "", id = ""] = hash.replace(/^#?\/?/, "").split("/", 2);
  const single = SINGLES.find((each) => each === page);
  if (single !== undefined) return { page: single };
  const detail = DETAILS.find((each) => each === page);
  const named = decoded(id);
  return detail === undefined || named === "" ? HOME : { page: detail, id: named };
}

export const hashOf = (route: Route): string =>
  "id" in route ? `#/${route.page}/${encodeURIComponent(route.id)}` : `#/${route.page}`;

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

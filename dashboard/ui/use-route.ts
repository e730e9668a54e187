import { useEffect, useState } from "preact/hooks";
import { type Route, routeOf } from "../core/route.ts";

/** Where the address leads, as it changes. */
export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const moved = (): void => {
      setHash(location.hash);
      scrollTo(0, 0);
    };
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return routeOf(hash);
}

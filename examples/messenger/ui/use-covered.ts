import { useEffect, useState } from "preact/hooks";

/** As in styles/screens.css: so narrow that the details lie over the talk. */
const NARROW = "(max-width: 760px)";

/** Is the talk behind the details? Then nobody is to get there by keyboard or reader, until they are closed. */
export function useCovered(hasDetails: boolean): boolean {
  const [isNarrow, setIsNarrow] = useState(() => matchMedia(NARROW).matches);
  useEffect(() => {
    const narrow = matchMedia(NARROW);
    const look = (): void => setIsNarrow(narrow.matches);
    narrow.addEventListener("change", look);
    return () => narrow.removeEventListener("change", look);
  }, []);
  return hasDetails && isNarrow;
}

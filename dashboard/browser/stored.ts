/** What the browser keeps of the dashboard: how it looks, nothing else. A browser that keeps nothing loses nothing more. */
const PREFIX = "qkd-dashboard:";

export function stored(name: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name) ?? "null");
  } catch {
    return null;
  }
}

/** @param value null: nothing any more */
export function store(name: string, value: unknown): void {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Full, or not allowed here.
  }
}

/** Light, dark, or as the system has it. */
import { store, stored } from "./stored.ts";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export const storedTheme = (): Theme => THEMES.find((theme) => theme === stored("theme")) ?? "system";

export function showTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
  store("theme", theme === "system" ? null : theme);
}

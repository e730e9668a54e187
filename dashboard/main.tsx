import { render } from "preact";
import { showTheme, storedTheme } from "./browser/theme.ts";
import { App } from "./ui/app.tsx";

showTheme(storedTheme());
const root = document.getElementById("app");
if (root !== null) render(<App />, root);

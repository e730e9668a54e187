import { useState } from "preact/hooks";
import type { Api } from "../browser/api.ts";
import type { LiveState } from "../browser/live.ts";
import { showTheme, storedTheme, type Theme, THEMES } from "../browser/theme.ts";
import { timeOf } from "../browser/clock.ts";
import { isStanding, worstOf } from "../core/alarms.ts";
import { duration } from "../core/figures.ts";
import { hashOf, type Route, type Single } from "../core/route.ts";
import { NAMES } from "./names.ts";
import { Icon } from "./parts/icons.tsx";
import { Mark } from "./parts/mark.tsx";
import { useNow } from "./use-now.ts";

interface Props {
  readonly api: Api;
  readonly live: LiveState;
  readonly route: Route;
  /** @returns why that did not go */
  readonly onLeave: () => Promise<string | null>;
}

export function TopBar({ api, live, route, onLeave }: Props) {
  return (
    <header class="top-bar">
      <a class="skip" href="#main" onClick={toMain}>
        Skip to the content
      </a>
      <a class="brand" href={hashOf({ page: "network" })}>
        <Mark />
        <span class="brand-name">{live.view?.name ?? "qkd-edge"}</span>
      </a>
      <nav aria-label="Pages">
        <ul>
          {(Object.keys(NAMES) as Single[]).map((page) => (
            <li key={page}>
              <a href={hashOf({ page })} aria-current={isOn(route, page) ? "page" : undefined}>
                <Icon name={page} />
                <span>{NAMES[page]}</span>
                {page === "alarms" && <Standing live={live} />}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <Freshness live={live} />
      <ThemeButton />
      <SignOut principal={api.principal} onLeave={onLeave} />
    </header>
  );
}

function SignOut({ principal, onLeave }: { readonly principal: string } & Pick<Props, "onLeave">) {
  const [fault, setFault] = useState<string | null>(null);
  const words = `Sign out ${principal}`;
  return (
    <>
      {fault !== null && (
        <p class="freshness lost" role="alert">
          Still signed in: {fault}
        </p>
      )}
      <button
        class="tool"
        type="button"
        aria-label={words}
        title={words}
        onClick={() => {
          setFault(null);
          void onLeave().then(setFault);
        }}
      >
        <Icon name="out" />
      </button>
    </>
  );
}

/** The address's own fragment is the page's route. */
function toMain(event: Event): void {
  event.preventDefault();
  const main = document.getElementById("main");
  main?.setAttribute("tabindex", "-1");
  main?.focus();
}

/** Of what a page is of, its list is the network. */
const isOn = (route: Route, page: Single): boolean => route.page === page || ("id" in route && page === "network");

function Standing({ live: { view } }: { readonly live: LiveState }) {
  const open = (view?.alarms ?? []).filter((alarm) => isStanding(alarm) && alarm.acknowledged === null);
  const worst = worstOf(open);
  if (worst === null) return null;
  return (
    <span class={`badge ${worst}`}>
      {open.length}
      <span class="unseen"> standing, not acknowledged</span>
    </span>
  );
}

function Freshness({ live: { view, isLive, heardMs, isReplaced } }: { readonly live: LiveState }) {
  const nowMs = useNow();
  if (isReplaced)
    return (
      <p class="freshness lost" role="status">
        Stopped: too many windows. Load it anew to go on
      </p>
    );
  if (!isLive)
    return (
      <p class="freshness lost" role="status">
        {view === null ? "Connecting …" : `No connection for ${duration(Math.round((nowMs - heardMs) / 1000))}`}
      </p>
    );
  return (
    <p class="freshness live" title={view === null ? "" : `Sampled every ${duration(view.period_ms / 1000)}`}>
      <span class="dot" aria-hidden="true" />
      Live <span class="at">{view === null ? "" : timeOf(view.at)}</span>
    </p>
  );
}

function ThemeButton() {
  const [theme, setTheme] = useState<Theme>(storedTheme());
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
  const turn = (): void => {
    showTheme(next);
    setTheme(next);
  };
  const words = `Colours: ${theme}. Change to ${next}`;
  return (
    <button class="tool" type="button" aria-label={words} title={words} onClick={turn}>
      <Icon name={theme} />
    </button>
  );
}

import { useEffect, useState } from "preact/hooks";
import { Api, resumed, type Session } from "../browser/api.ts";
import { Dashboard } from "./dashboard.tsx";
import { SignIn } from "./sign-in.tsx";

type Who = { readonly api: Api } | { readonly notice: string | null } | null;

/** Who is looking: the session that the browser has, or nobody. */
export function App() {
  const [who, setWho] = useState<Who>(null);
  const enter = (session: Session): void => {
    const api = new Api(session, (why) =>
      setWho((now) => (now !== null && "api" in now && now.api === api ? { notice: why } : now)),
    );
    setWho({ api });
  };
  useEffect(() => {
    void resumed().then((answer) => (answer.ok ? enter(answer.value) : setWho({ notice: null })));
  }, []);
  if (who === null) return <p class="waiting">Loading …</p>;
  if ("notice" in who) return <SignIn notice={who.notice} onSession={enter} />;
  const leave = async (): Promise<string | null> => {
    const fault = await who.api.signOut();
    if (fault === null) setWho({ notice: "You are signed out." });
    return fault;
  };
  return <Dashboard api={who.api} onLeave={leave} />;
}

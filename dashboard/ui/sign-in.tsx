import { useEffect, useRef, useState } from "preact/hooks";
import { type Session, signedIn } from "../browser/api.ts";
import { Mark } from "./parts/mark.tsx";

interface Props {
  readonly notice: string | null;
  readonly onSession: (session: Session) => void;
}

export function SignIn({ notice, onSession }: Props) {
  const [fault, setFault] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (matchMedia("(pointer: fine)").matches) field.current?.focus();
  }, []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const token = field.current?.value.trim() ?? "";
    if (token === "") return setFault("Give your token.");
    setFault(null);
    setIsBusy(true);
    const answer = await signedIn(token);
    setIsBusy(false);
    if (!answer.ok) return setFault(answer.message);
    if (field.current !== null) field.current.value = "";
    return onSession(answer.value);
  };
  return (
    <main class="sign-in">
      <form class="panel" onSubmit={(event) => void submit(event)} aria-labelledby="title" noValidate>
        <Mark />
        <h1 id="title">Sign in to qkd-edge</h1>
        {notice !== null && (
          <p class="notice" role="status">
            {notice}
          </p>
        )}
        <label for="token">Operator token</label>
        <input
          id="token"
          ref={field}
          type="password"
          // Browsers offer to store whatever else is a password, "off" or not.
          autocomplete="one-time-code"
          spellcheck={false}
          aria-describedby="token-hint token-fault"
          aria-invalid={fault !== null}
        />
        <p id="token-fault" class="fault" role="alert">
          {fault}
        </p>
        <button class="primary" type="submit" disabled={isBusy}>
          {isBusy ? "One moment …" : "Sign in"}
        </button>
        <p id="token-hint" class="hint">
          The page keeps no token: it opens a session, whose cookie no script can read. After <code>npm start</code> the
          token is <code>operator</code> in <code>.qkd/tokens.json</code>.
        </p>
      </form>
    </main>
  );
}

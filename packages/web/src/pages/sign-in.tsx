import { useState } from "preact/hooks";
import { call, Problem, type Session } from "../api.ts";
import { useDoing } from "../loaded.ts";
import { Button } from "../ui/button.tsx";
import { Mark } from "../ui/icon.tsx";
import { ProblemNotice } from "../ui/notice.tsx";
import { usePageTitle } from "../ui/page.tsx";

export function SignInPage({ onSignedIn }: { readonly onSignedIn: (session: Session) => void }) {
  const [key, setKey] = useState("");
  const signing = useDoing();
  const heading = usePageTitle("Sign in");
  const submit = (event: Event): void => {
    event.preventDefault();
    signing.run(async () => {
      const api_key = key.trim();
      if (api_key === "") throw new Problem(0, { code: "field_required", detail: "Paste an API key first." });
      const session = await call<Session | null>("POST", "/v1/session", { api_key });
      onSignedIn(session ?? (await call<Session>("GET", "/v1/session")));
    });
  };
  return (
    <main class="alone">
      <div class="sign-in">
        <p class="brand">
          <Mark />
          Jackfield
        </p>
        <h1 ref={heading} tabIndex={-1}>
          Sign in
        </h1>
        <p class="soft">Connections that label themselves and keep themselves fresh, ready for any workflow.</p>
        <form onSubmit={submit} noValidate>
          <div class="field">
            <label for="api-key">API key</label>
            <input
              id="api-key"
              type="password"
              autocomplete="off"
              spellcheck={false}
              placeholder="jf_…"
              value={key}
              onInput={(event) => setKey(event.currentTarget.value)}
            />
          </div>
          <ProblemNotice problem={signing.problem} />
          <Button kind="primary" type="submit" busy={signing.busy}>
            Sign in
          </Button>
        </form>
        <p class="sign-in-hint">
          First time here? The server printed a one-time sign-in link when it started. Open that link and you are in, no key
          needed.
        </p>
      </div>
    </main>
  );
}

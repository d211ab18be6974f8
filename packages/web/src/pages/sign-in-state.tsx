import type { ConnectionError } from "../api.ts";
import type { SignIn } from "../sign-in.ts";
import { Button } from "../ui/button.tsx";
import { ErrorNotice, Notice, ProblemNotice } from "../ui/notice.tsx";
import { Waiting } from "../ui/show.tsx";
import { CodeToEnter } from "./code-to-enter.tsx";

interface SignInStateProps {
  readonly signIn: SignIn;
  readonly again: () => void;
}

/** How a sign-in at the provider stands, and what the person can do about it. Nothing while none is under way, or when it went well. */
export function SignInState({ signIn, again }: SignInStateProps) {
  if (signIn.phase === "preparing")
    return <Waiting text={signIn.elsewhere ? "Asking the provider for a code…" : "Opening the sign-in page…"} />;
  if (signIn.phase === "confirming") return <CodeToEnter {...signIn} again={again} />;
  if (signIn.phase === "refused") return <ProblemNotice problem={signIn.problem} />;
  if (signIn.phase === "done")
    return signIn.outcome.kind === "connected" ? null : <Ended kind={signIn.outcome.kind} error={signIn.outcome.error} />;
  if (signIn.phase === "idle") return null;
  return (
    <div class="waiting-panel">
      {signIn.blocked ? (
        <Notice tone="warning" title="The browser blocked the sign-in window.">
          <p>
            <a class="button button-primary" href={signIn.url} data-route="server" onClick={stayHere}>
              Continue in this tab
            </a>
          </p>
        </Notice>
      ) : (
        <Waiting text="Waiting for you to finish in the other window…" />
      )}
      {signIn.unfinished ? (
        <Notice tone="info" title="Sign-in was not finished">
          <p>If you did finish it, this page will still notice.</p>
        </Notice>
      ) : null}
      <div class="form-actions">
        <Button onPress={again}>{signIn.unfinished ? "Try again" : "Cancel"}</Button>
      </div>
    </div>
  );
}

/** Tells the last page of the sign-in that this window is not one to be closed. */
function stayHere(): void {
  sessionStorage.setItem("jackfield.here", "1");
}

function Ended({ kind, error }: { readonly kind: "denied" | "failed"; readonly error: ConnectionError | null }) {
  if (error !== null) return <ErrorNotice error={error} />;
  const title = kind === "denied" ? "You did not give access." : "The sign-in did not succeed.";
  return <Notice tone="warning" title={title} />;
}

import { useEffect, useState } from "preact/hooks";
import { timeLeft } from "../format.ts";
import type { SignIn } from "../sign-in.ts";
import { webUrl } from "../sign-in-window.ts";
import { Button } from "../ui/button.tsx";
import { useCopy } from "../ui/copy.tsx";
import { Icon } from "../ui/icon.tsx";
import { Waiting } from "../ui/show.tsx";

interface CodeToEnterProps extends Omit<Extract<SignIn, { phase: "confirming" }>, "phase"> {
  readonly again: () => void;
}

/** A code that a person enters at the provider, on this device or on another; the page learns the end from the server. */
export function CodeToEnter({ code, page, url, expires, again }: CodeToEnterProps) {
  const { copied, copy } = useCopy(code);
  const now = useNow();
  return (
    <div class="waiting-panel">
      <p>Enter this code at the provider, on this device or on any other where you are signed in:</p>
      <output class="user-code" aria-label="Code" data-testid="user-code">
        {code}
      </output>
      <div class="form-actions">
        <Button icon={copied ? "check" : "copy"} onPress={copy}>
          Copy the code
        </Button>
        <a class="button button-primary" href={url} target="_blank" rel="noopener noreferrer">
          Open the provider's page <Icon name="external" />
        </a>
      </div>
      <p class="copy-state" role="status">
        {copied === undefined ? "" : copied ? "Copied." : "Mark the code to copy it."}
      </p>
      {webUrl(page) === undefined ? null : (
        <p class="soft">
          On another device: <code class="user-code-page">{page}</code>
        </p>
      )}
      <Waiting text="Waiting for you to confirm there…" />
      <p class="soft" role="timer">
        The code is good for another {timeLeft(expires, now)} minutes.
      </p>
      <div class="form-actions">
        <Button onPress={again}>Cancel</Button>
      </div>
    </div>
  );
}

/** The time, each second. */
function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

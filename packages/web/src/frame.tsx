import type { ComponentChildren } from "preact";
import { call } from "./api.ts";
import { useDoing } from "./loaded.ts";
import { navigate } from "./router.ts";
import { useSession } from "./session.ts";
import { Button } from "./ui/button.tsx";
import { Mark } from "./ui/icon.tsx";
import { ProblemNotice } from "./ui/notice.tsx";

interface FrameProps {
  readonly path: string;
  readonly onSignedOut: () => void;
  readonly children: ComponentChildren;
}

/** What stands around every page: where to go, and who is signed in. */
export function Frame({ path, onSignedOut, children }: FrameProps) {
  const { session, isAdmin } = useSession();
  const leaving = useDoing();
  const signOut = (): void =>
    leaving.run(async () => {
      await call("DELETE", "/v1/session");
      navigate("/", { replace: true });
      onSignedOut();
    });
  return (
    <>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <header class="bar">
        <div class="bar-inner">
          <a class="brand" href="/">
            <Mark />
            Jackfield
          </a>
          <nav aria-label="Main">
            <Place href="/" current={path === "/" || path.startsWith("/connectors")}>
              Catalogue
            </Place>
            <Place href="/connections" current={path.startsWith("/connections")}>
              Connections
            </Place>
            <Place href="/api" current={path === "/api" || path.startsWith("/api/")}>
              API
            </Place>
            {isAdmin ? (
              <>
                <Place href="/events" current={path.startsWith("/event")}>
                  Events
                </Place>
                <Place href="/api-keys" current={path.startsWith("/api-keys")}>
                  API keys
                </Place>
              </>
            ) : null}
          </nav>
          <div class="who">
            <span class="who-name" title={`Workspace ${session.workspace}`}>
              {session.owner === session.role || session.owner === session.id
                ? session.role
                : `${session.owner} (${session.role})`}
            </span>
            <Button kind="quiet" busy={leaving.busy} onPress={signOut}>
              Sign out
            </Button>
          </div>
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <ProblemNotice problem={leaving.problem} />
        {children}
      </main>
    </>
  );
}

function Place({ href, current, children }: { href: string; current: boolean; children: ComponentChildren }) {
  return (
    <a href={href} aria-current={current ? "page" : undefined}>
      {children}
    </a>
  );
}

import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call, onSignedOut, type Problem, problemOf, type Session } from "./api.ts";
import { Frame } from "./frame.tsx";
import { ApiKeysPage } from "./pages/api-keys.tsx";
import { CataloguePage } from "./pages/catalogue.tsx";
import { ConnectPage } from "./pages/connect.tsx";
import { ConnectSessionPage } from "./pages/connect-session.tsx";
import { ConnectionPage } from "./pages/connection.tsx";
import { ConnectionsPage } from "./pages/connections.tsx";
import { ConnectorPage } from "./pages/connector.tsx";
import { EventEndpointsPage } from "./pages/event-endpoints.tsx";
import { EventsPage } from "./pages/events.tsx";
import { NotFoundPage } from "./pages/not-found.tsx";
import { ReferencePage } from "./pages/reference.tsx";
import { SetUpPage } from "./pages/set-up.tsx";
import { SignInPage } from "./pages/sign-in.tsx";
import { match, type Place, usePlace } from "./router.ts";
import { SessionContext } from "./session.ts";
import { Button } from "./ui/button.tsx";
import { ProblemNotice } from "./ui/notice.tsx";
import { Waiting } from "./ui/show.tsx";

interface RouteProps {
  readonly query: URLSearchParams;
  readonly name: string;
  readonly id: string;
}

/** Every page by its address. */
const routes: readonly (readonly [pattern: string, page: (props: RouteProps) => VNode])[] = [
  ["/", () => <CataloguePage />],
  ["/connectors/:name", ({ name }) => <ConnectorPage key={name} name={name} />],
  ["/connectors/:name/setup", ({ name, query }) => <SetUpPage key={name} name={name} query={query} />],
  ["/connectors/:name/connect", ({ name, query }) => <ConnectPage key={name} name={name} query={query} />],
  ["/connections", () => <ConnectionsPage />],
  ["/connections/:id", ({ id }) => <ConnectionPage key={id} id={id} />],
  ["/events", () => <EventsPage />],
  ["/event-endpoints", () => <EventEndpointsPage />],
  ["/api", () => <ReferencePage />],
  ["/api/:name", ({ name }) => <ReferencePage key={name} connector={name} />],
  ["/api-keys", () => <ApiKeysPage />],
];

function pageAt({ path, query }: Place): VNode {
  for (const [pattern, page] of routes) {
    const values = match(pattern, path);
    if (values) return page({ name: values.name ?? "", id: values.id ?? "", query });
  }
  return <NotFoundPage />;
}

type Who = { state: "loading" } | { state: "failed"; problem: Problem } | { state: "out" } | { state: "in"; session: Session };

function useWho() {
  const [who, setWho] = useState<Who>({ state: "loading" });
  const ask = (): void => {
    setWho({ state: "loading" });
    call<Session>("GET", "/v1/session").then(
      (session) => setWho({ state: "in", session }),
      (thrown: unknown) => {
        const problem = problemOf(thrown);
        setWho(problem.status === 401 ? { state: "out" } : { state: "failed", problem });
      },
    );
  };
  useEffect(() => {
    onSignedOut(() => setWho({ state: "out" }));
    ask();
  }, []);
  return { who, setWho, ask };
}

export function App() {
  const place = usePlace();
  const guest = match("/connect/session/:id", place.path);
  return guest ? <ConnectSessionPage key={guest.id} id={guest.id ?? ""} /> : <SignedIn place={place} />;
}

function SignedIn({ place }: { readonly place: Place }) {
  const { who, setWho, ask } = useWho();
  if (who.state === "loading") return <Waiting />;
  if (who.state === "out") return <SignInPage onSignedIn={(session) => setWho({ state: "in", session })} />;
  if (who.state === "failed") {
    return (
      <main class="alone">
        <ProblemNotice problem={who.problem}>
          <Button onPress={ask}>Try again</Button>
        </ProblemNotice>
      </main>
    );
  }
  return (
    <SessionContext.Provider value={who.session}>
      <Frame path={place.path} onSignedOut={() => setWho({ state: "out" })}>
        {pageAt(place)}
      </Frame>
    </SessionContext.Provider>
  );
}

import { type RequestHandler, type Response, Router, urlencoded } from "express";
import { type AuthorizationRequest, answerUrl, type Client, judge } from "./authorization-request.ts";
import type { Codes } from "./codes.ts";
import { consentPage, refusalPage, signInPage } from "./pages.ts";
import { formOf, queryOf } from "./parameters.ts";
import { personById } from "./people.ts";
import type { Sessions } from "./session.ts";

interface Parts {
  readonly mount: string;
  readonly client: Client;
  readonly sessions: Sessions;
  readonly codes: Codes;
}

/** The pages that people see: sign-in, consent, and the way back. */
export function authorizeRouter({ mount, client, sessions, codes }: Parts): Router {
  const refuse = (response: Response, status: number, title: string, reason: string): void => {
    response.status(status).send(refusalPage(mount, title, reason));
  };
  const expired = (response: Response): void =>
    refuse(response, 403, "This form has expired", "It was not sent from a page that this browser has open.");

  /** The valid authorization request of a query; undefined when the answer is already on its way. */
  const valid = (query: URLSearchParams, response: Response, status: 302 | 303): AuthorizationRequest | undefined => {
    const judgement = judge(query, client);
    if (judgement.kind === "request") return judgement.request;
    if (judgement.kind === "error") response.redirect(status, judgement.location);
    else refuse(response, 400, "This request cannot be trusted", judgement.reason);
    return undefined;
  };

  const authorize: RequestHandler = (request, response) => {
    const query = queryOf(request);
    const asked = valid(query, response, 302);
    if (asked === undefined) return;
    const session = sessions.read(request) ?? sessions.begin(response);
    const person = personById(session.person);
    const form = { mount, ticket: sessions.ticket(session, query.toString()) };
    const destination = new URL(asked.redirectUri).host;
    response.send(person === undefined ? signInPage(form) : consentPage(form, person, asked.scope, destination));
  };

  const signIn: RequestHandler = (request, response) => {
    const form = formOf(request);
    const query = sessions.redeem(sessions.read(request), form.get("ticket"));
    const person = personById(form.get("person") ?? undefined);
    if (query === undefined || person === undefined) return expired(response);
    sessions.begin(response, person.id);
    response.redirect(303, `${mount}/authorize?${query}`);
  };

  const signOut: RequestHandler = (request, response) => {
    const query = sessions.redeem(sessions.read(request), formOf(request).get("ticket"));
    if (query === undefined) return expired(response);
    sessions.begin(response);
    response.redirect(303, `${mount}/authorize?${query}`);
  };

  const consent: RequestHandler = (request, response) => {
    const session = sessions.read(request);
    const form = formOf(request);
    const query = sessions.redeem(session, form.get("ticket"));
    const person = personById(session?.person);
    if (query === undefined || person === undefined) return expired(response);
    const asked = valid(new URLSearchParams(query), response, 303);
    if (asked === undefined) return;
    const answer: Record<string, string> =
      form.get("decision") === "allow"
        ? { code: codes.issue({ person: person.id, ...asked }) }
        : { error: "access_denied", error_description: "The person denied the request." };
    response.redirect(303, answerUrl(client, asked, answer));
  };

  const body = urlencoded({ extended: false, limit: "16kb" });
  return Router()
    .get("/authorize", authorize)
    .post("/sign-in", body, signIn)
    .post("/sign-out", body, signOut)
    .post("/consent", body, consent);
}

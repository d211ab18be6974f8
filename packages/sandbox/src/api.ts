import { json, type Request, type RequestHandler, type Response, Router } from "express";
import { entryOf, type Files } from "./files.ts";
import { OAuthError } from "./oauth-error.ts";
import { queryOf } from "./parameters.ts";
import { type Person, personById } from "./people.ts";
import type { Scope } from "./scopes.ts";
import type { Tokens } from "./tokens.ts";

const realm = 'Bearer realm="sandbox"';
const maxContent = 64 * 1024;

type Handler = (person: Person, request: Request, response: Response) => void;

/** The provider's API, for whoever holds a bearer token (RFC 6750). */
export function apiRouter(tokens: Tokens, files: Files): Router {
  /** Runs a handler for requests whose token is good and has the scope. */
  const allowed =
    (scope: Scope, handle: Handler): RequestHandler =>
    (request, response) => {
      const refuse = (status: number, challenge: string, error: string, description: string): void => {
        response.status(status).set("WWW-Authenticate", challenge).json({ error, error_description: description });
      };
      const token = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(request.headers.authorization ?? "")?.[1];
      // A request without a token is told only what to bring (RFC 6750 §3.1).
      if (token === undefined) return refuse(401, realm, "unauthorized", "Send a bearer token in the Authorization header.");
      const grant = tokens.check(token);
      const person = personById(grant?.person);
      if (grant === undefined || person === undefined) {
        const text = "The access token is unknown, expired or revoked.";
        return refuse(401, `${realm}, error="invalid_token", error_description="${text}"`, "invalid_token", text);
      }
      if (!grant.scope.includes(scope)) {
        const text = `The access token lacks the scope ${scope}.`;
        const challenge = `${realm}, error="insufficient_scope", error_description="${text}", scope="${scope}"`;
        return refuse(403, challenge, "insufficient_scope", text);
      }
      handle(person, request, response);
    };

  const me: Handler = ({ id, name, email }, _request, response) => void response.json({ id, name, email });

  const list: Handler = (person, request, response) => {
    const query = queryOf(request);
    const limit = Number(query.get("limit") ?? 20);
    if (!Number.isInteger(limit) || limit < 1 || limit > 100) {
      throw new OAuthError("invalid_request", "The limit must be a whole number from 1 to 100.");
    }
    const found = files.list(person.id, query.get("q") ?? "");
    response.json({ files: found.slice(0, limit).map(entryOf), total: found.length });
  };

  const read: Handler = (person, request, response) => {
    const file = files.get(person.id, String(request.params.id));
    response.json({ ...entryOf(file), content: file.content });
  };

  const create: Handler = (person, request, response) => {
    const { name, content } = newFile(request.body);
    const file = files.create(person.id, name, content);
    response.status(201).json({ ...entryOf(file), content: file.content });
  };

  const remove: Handler = (person, request, response) => {
    files.remove(person.id, String(request.params.id));
    response.status(204).end();
  };

  return Router()
    .get("/me", allowed("profile", me))
    .get("/files", allowed("files.read", list))
    .get("/files/:id", allowed("files.read", read))
    .post("/files", json({ limit: "128kb" }), allowed("files.write", create))
    .delete("/files/:id", allowed("files.write", remove))
    .use(() => {
      throw new OAuthError("not_found", "The API has no such path or method.");
    });
}

function newFile(body: unknown): { readonly name: string; readonly content: string } {
  const { name, content = "" } = Object(body) as Record<string, unknown>;
  if (typeof name !== "string" || !/^[^\p{Cc}/\\]{1,200}$/u.test(name)) {
    throw new OAuthError("invalid_request", "A file needs a name of 1 to 200 characters, without slashes.");
  }
  if (typeof content !== "string") throw new OAuthError("invalid_request", "The content must be text.");
  if (Buffer.byteLength(content) > maxContent) throw new OAuthError("too_large", "The content is longer than 64 KiB.");
  return { name, content };
}

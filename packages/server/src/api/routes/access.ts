import { JackfieldError } from "@jackfield/engine";
import { Type } from "typebox";
import type { Principal } from "../../access/authenticate.ts";
import { callers, roles } from "../../access/roles.ts";
import { randomToken } from "../../access/tokens.ts";
import { refuseOtherSite } from "../../http/origin.ts";
import { noContent, ok, publicRoute, type Route, route } from "../route.ts";
import { ApiKey, closed, Identifier, list, Owner, oneOf, plainLine, Session } from "../schemas.ts";

const sessionView = ({ id, role, owner, workspace }: Principal["key"]) => ({ id, role, owner, workspace });

const getSession = route({
  id: "getSession",
  method: "GET",
  path: "/v1/session",
  summary: "Who the request comes from.",
  roles: callers,
  answers: { 200: { description: "The key or the connect session behind the request.", schema: Session } },
  async handle(_services, _call, { key }) {
    return ok(sessionView(key));
  },
});

const signIn = publicRoute({
  id: "signIn",
  method: "POST",
  path: "/v1/session",
  summary: "Signs a browser in with an API key.",
  body: {
    kind: "json",
    limit: 16 * 1024,
    schema: Type.Object({ api_key: Type.String({ minLength: 1, maxLength: 600 }) }, closed),
  },
  answers: { 200: { description: "The cookie is set.", schema: Session } },
  async handle({ access, cookies, platform }, { body, request, response }) {
    // Another site must not sign a browser in as somebody else.
    refuseOtherSite(request, platform.url);
    const key = await access.keys.find(body.api_key.trim());
    if (key === undefined)
      throw new JackfieldError("unauthenticated", { detail: "The API key is unknown or was revoked.", hint: "Check the key." });
    cookies.setSession(response, await access.sessions.start(key.id));
    if (cookies.browser(request) === undefined) cookies.setBrowser(response, randomToken());
    return ok(sessionView(key));
  },
});

const signOut = route({
  id: "signOut",
  method: "DELETE",
  path: "/v1/session",
  summary: "Signs the browser out.",
  roles,
  answers: { 204: { description: "The session has ended." } },
  async handle({ access, cookies, streams }, { request, response }) {
    const cookie = cookies.session(request);
    if (cookie !== undefined) await access.sessions.end(cookie);
    await streams.closeUnadmitted();
    cookies.clearSession(response);
    return noContent;
  },
});

const listApiKeys = route({
  id: "listApiKeys",
  method: "GET",
  path: "/v1/api_keys",
  summary: "The workspace's API keys, the newest first.",
  roles: ["admin"],
  answers: { 200: { description: "All keys, revoked ones too.", schema: list(ApiKey) } },
  async handle({ access }, _call, { actor }) {
    return ok({ items: await access.keys.list(actor.workspace), next: null });
  },
});

const createApiKey = route({
  id: "createApiKey",
  method: "POST",
  path: "/v1/api_keys",
  summary: "Makes an API key. It is shown in this answer only.",
  roles: ["admin"],
  body: {
    kind: "json",
    schema: Type.Object(
      {
        name: Type.String({ minLength: 1, maxLength: 100, pattern: plainLine }),
        role: oneOf(roles, "What the key may do."),
        owner: Type.Optional(Owner("Whose connections it makes. Default: its own, or the admins'.")),
      },
      closed,
    ),
  },
  answers: { 201: { description: "The key.", schema: Type.Intersect([ApiKey, Type.Object({ key: Type.String() })]) } },
  async handle({ access }, { body }, { actor }) {
    const { key, text } = await access.keys.create({ workspace: actor.workspace, ...body });
    return { status: 201, body: { ...key, key: text } };
  },
});

const revokeApiKey = route({
  id: "revokeApiKey",
  method: "DELETE",
  path: "/v1/api_keys/{id}",
  summary: "Revokes an API key, and signs out the browsers that used it.",
  roles: ["admin"],
  params: Type.Object({ id: Identifier("The key's id.") }),
  answers: { 204: { description: "The key no longer works." } },
  async handle({ access, streams }, { params }, { actor }) {
    if (!(await access.keys.revoke(actor.workspace, params.id)))
      throw new JackfieldError("not_found", { detail: "There is no such API key." });
    await streams.closeUnadmitted();
    return noContent;
  },
});

export const accessRoutes: readonly Route[] = [getSession, signIn, signOut, listApiKeys, createApiKey, revokeApiKey];

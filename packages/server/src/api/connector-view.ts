import { type Actor, allows, isPasswordGrant, recommendedAuth } from "@jackfield/engine";
import type { Action, Auth, Connector, Field, Input, Member } from "@jackfield/manifest";
import type { Static } from "typebox";
import type { ConnectorDetail, ConnectorItem } from "./connector-schemas.ts";
import type { Services } from "./route.ts";

/** A connector as the catalogue, the forms and the set-up page need it; of what an actor may not connect nothing is told. */

type Item = Static<typeof ConnectorItem>;
type Detail = Static<typeof ConnectorDetail>;

export async function connectorItem(services: Services, actor: Actor, connector: Connector): Promise<Item> {
  const auths = authsFor(actor, connector);
  return {
    name: connector.name,
    title: connector.title,
    description: connector.description,
    categories: [...connector.categories],
    icon_url: `/v1/connectors/${connector.name}/icon.svg`,
    docs_url: connector.docs_url ?? null,
    version: connector.version,
    configured: await isConfigured(services, actor, connector),
    auth: auths.map((auth) => ({ id: auth.id, type: auth.type, title: auth.title, available: isAvailable(services, auth) })),
  };
}

export async function connectorDetail(services: Services, actor: Actor, connector: Connector): Promise<Detail> {
  const redirectUri = services.engine.authorization.redirectUri(connector.name);
  const platform = { ...services.platform, redirect_uri: redirectUri };
  const recommended = recommendedAuth(connector);
  return {
    ...(await connectorItem(services, actor, connector)),
    redirect_uri: redirectUri,
    environments: Object.keys(connector.environments).filter((environment) =>
      allows(actor.limits, { connector: connector.name, environment }),
    ),
    auth: await Promise.all(authsFor(actor, connector).map((auth) => authView(services, auth, auth === recommended, platform))),
    actions: Object.values(connector.actions).map((action) => actionView(connector, action)),
  };
}

function authsFor(actor: Actor, connector: Connector): readonly Auth[] {
  return Object.values(connector.auth).filter(({ id }) => allows(actor.limits, { connector: connector.name, auth: id }));
}

/** Whether some way to connect needs no app, or has one. */
async function isConfigured(services: Services, actor: Actor, connector: Connector): Promise<boolean> {
  const needsApp = (auth: Auth) =>
    (auth.type === "oauth1" || (auth.type === "oauth2" && auth.client.registration === undefined)) &&
    auth.client.source === "app";
  const offered = Object.values(connector.auth).filter((auth) => isAvailable(services, auth));
  if (!offered.every(needsApp)) return true;
  return services.engine.apps.saved(actor, connector.name);
}

/** Whether this deployment carries out the grant. */
const isAvailable = ({ engine: { policy } }: Services, auth: Auth) => policy.passwordGrant !== false || !isPasswordGrant(auth);

async function authView(
  services: Services,
  auth: Auth,
  recommended: boolean,
  platform: Readonly<Record<string, unknown>>,
): Promise<Detail["auth"][number]> {
  const oauth = auth.type === "oauth2" ? auth : undefined;
  const client = auth.type === "oauth2" || auth.type === "oauth1" ? auth.client : undefined;
  const takesApp = client !== undefined && (client.source === "app" || client.source === "either");
  const setup = await auth.setup?.render({ platform });
  return {
    id: auth.id,
    type: auth.type,
    grant: oauth?.grant ?? null,
    title: auth.title,
    description: auth.description ?? null,
    recommended,
    available: isAvailable(services, auth),
    stores_password: isPasswordGrant(auth) ? oauth?.store_password === true : null,
    user_step: oauth?.grant === "authorization_code" || oauth?.grant === "device_code" || auth.type === "oauth1",
    takes_app: takesApp,
    registers_itself: takesApp && oauth?.client.registration !== undefined,
    app_fields: client?.fields.map(fieldView) ?? [],
    client_source: client?.source ?? null,
    setup: setup === undefined ? null : String(setup),
    fields: auth.fields.map(fieldView),
    scopes: { required: scopes(oauth?.scopes.required), optional: scopes(oauth?.scopes.optional) },
  };
}

const scopes = (list: readonly { readonly name: string; readonly reason: string }[] = []) =>
  list.map(({ name, reason }) => ({ name, reason }));

/** What a field of a form and an input of an action have in common. */
function formView(name: string, question: Field | Input | Member) {
  return {
    name,
    label: question.label,
    type: question.type,
    required: question.required,
    help: question.help ?? null,
    placeholder: question.placeholder ?? null,
    pattern: question.pattern ?? null,
    default: question.default ?? null,
    options: typeof question.options === "object" ? question.options.map(({ label, value }) => ({ label, value })) : null,
    options_from: typeof question.options === "string" ? question.options : null,
    visible_if: "visible_if" in question ? (question.visible_if?.source ?? null) : null,
  };
}

function fieldView(field: Field) {
  return {
    ...formView(field.name, field),
    secret: field.secret,
    list: field.list,
    prefix: field.prefix ?? null,
    suffix: field.suffix ?? null,
  };
}

function memberView(name: string, member: Member) {
  return { ...formView(name, member), list: member.list, min: member.min ?? null, max: member.max ?? null };
}

function actionView(connector: Connector, action: Action): Detail["actions"][number] {
  return {
    id: action.id,
    title: action.title,
    description: action.description ?? null,
    auth: action.auth === undefined ? null : [...action.auth],
    scopes: [...action.scopes],
    input: Object.entries(action.input).map(([name, input]) => ({
      ...formView(name, input),
      fields: input.fields === undefined ? null : Object.entries(input.fields).map(([part, member]) => memberView(part, member)),
      options_depend_on: dependencies(connector, input, Object.keys(action.input)),
      list: input.list,
      min: input.min ?? null,
      max: input.max ?? null,
    })),
  };
}

/** The inputs that the choices of a drop-down are asked with: where one of them changes, so may the choices. */
function dependencies({ options }: Connector, { options: own }: Input, inputs: readonly string[]): string[] {
  const asked = typeof own === "string" && Object.hasOwn(options, own) ? options[own] : undefined;
  const named = new Set(
    sources(asked?.request).flatMap((text) => [...text.matchAll(/\binput\s*\.\s*(\w+)/g)].map(([, name]) => name)),
  );
  return inputs.filter((name) => named.has(name));
}

/** Every text of a compiled request. */
function sources(value: unknown): string[] {
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "source" && typeof inner === "string" ? [inner] : sources(inner),
  );
}

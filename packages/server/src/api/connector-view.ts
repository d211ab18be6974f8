import type { Actor } from "@jackfield/engine";
import type { Action, Auth, Connector, Field, Input } from "@jackfield/manifest";
import type { Static } from "typebox";
import type { ConnectorDetail, ConnectorItem } from "./connector-schemas.ts";
import type { Services } from "./route.ts";

/** A connector as the catalogue, the forms and the set-up page need it. */

type Item = Static<typeof ConnectorItem>;
type Detail = Static<typeof ConnectorDetail>;

export async function connectorItem(services: Services, actor: Actor, connector: Connector): Promise<Item> {
  const auths = Object.values(connector.auth);
  return {
    name: connector.name,
    title: connector.title,
    description: connector.description,
    categories: [...connector.categories],
    icon_url: `/v1/connectors/${connector.name}/icon.svg`,
    docs_url: connector.docs_url ?? null,
    version: connector.version,
    configured: await isConfigured(services, actor, connector),
    auth: auths.map(({ id, type, title }) => ({ id, type, title })),
  };
}

export async function connectorDetail(services: Services, actor: Actor, connector: Connector): Promise<Detail> {
  const redirectUri = services.engine.authorization.redirectUri(connector.name);
  const platform = { ...services.platform, redirect_uri: redirectUri };
  const auths = Object.values(connector.auth);
  return {
    ...(await connectorItem(services, actor, connector)),
    redirect_uri: redirectUri,
    environments: Object.keys(connector.environments),
    auth: await Promise.all(auths.map((auth, index) => authView(auth, index === 0, platform))),
    actions: Object.values(connector.actions).map(actionView),
  };
}

/** Whether some way to connect needs no app, or has one. */
async function isConfigured(services: Services, actor: Actor, connector: Connector): Promise<boolean> {
  const needsApp = (auth: Auth) => (auth.type === "oauth2" || auth.type === "oauth1") && auth.client.source === "app";
  if (!Object.values(connector.auth).every(needsApp)) return true;
  return services.engine.apps.saved(actor, connector.name);
}

async function authView(
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
    user_step: oauth?.grant === "authorization_code" || auth.type === "oauth1",
    takes_app: takesApp,
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
function formView(name: string, question: Field | Input) {
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
    visible_if: question.visible_if?.source ?? null,
  };
}

function fieldView(field: Field) {
  return { ...formView(field.name, field), secret: field.secret, prefix: field.prefix ?? null, suffix: field.suffix ?? null };
}

function actionView(action: Action): Detail["actions"][number] {
  return {
    id: action.id,
    title: action.title,
    description: action.description ?? null,
    auth: action.auth === undefined ? null : [...action.auth],
    scopes: [...action.scopes],
    input: Object.entries(action.input).map(([name, input]) => ({
      ...formView(name, input),
      list: input.list,
      min: input.min ?? null,
      max: input.max ?? null,
    })),
  };
}

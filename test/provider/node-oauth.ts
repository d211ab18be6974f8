import { createServer, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import OAuth2Server from "@node-oauth/oauth2-server";
import { afterwards } from "../harness/cleanup.ts";

export interface LegacyClient {
  /** Without a colon: this server takes HTTP Basic as it stands, so that the first colon ends the ID. */
  readonly id: string;
  readonly secret: string;
}

export interface Options {
  readonly client: LegacyClient;
  /** User name → password. */
  readonly people: Readonly<Record<string, string>>;
}

/** A token request as it arrived, and how it was answered. */
export interface TokenRequest {
  readonly headers: IncomingHttpHeaders;
  readonly form: URLSearchParams;
  readonly status: number;
}

/**
 * A real authorization server of the old kind (the package @node-oauth/oauth2-server): people's passwords for tokens, HTTP Basic that is
 * not form-encoded, refresh tokens that are replaced each time. `/token`, `/revoke` and an API with `/api/me`.
 */
export class LegacyServer {
  readonly requests: TokenRequest[] = [];
  readonly revoked: string[] = [];
  /** Every access token and refresh token that was given out. */
  readonly issued: string[] = [];
  /** Seconds. */
  accessTokenLifetime = 3600;
  /** Whether refresh tokens are given out. */
  refreshes = true;
  url = "";
  readonly #client: LegacyClient;
  readonly #people: Map<string, string>;
  readonly #tokens = new Map<string, OAuth2Server.Token>();
  readonly #refreshTokens = new Map<string, OAuth2Server.RefreshToken>();

  constructor({ client, people }: Options) {
    this.#client = client;
    this.#people = new Map(Object.entries(people));
  }

  changePassword(person: string, password: string): void {
    this.#people.set(person, password);
  }

  /** All refresh tokens stop to work, as after a night on which the server lost them. */
  forgetRefreshTokens(): void {
    this.#refreshTokens.clear();
  }

  forgetAccessTokens(): void {
    this.#tokens.clear();
  }

  ofGrant(name: string): readonly TokenRequest[] {
    return this.requests.filter(({ form }) => form.get("grant_type") === name);
  }

  async start(): Promise<this> {
    const server = createServer(async (request, response) => {
      const { status, headers, body } = await this.#answer(request, await read(request));
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    afterwards(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return this;
  }

  async #answer(request: IncomingMessage, body: string): Promise<Answer> {
    const { pathname } = new URL(request.url ?? "/", this.url);
    if (pathname === "/token") return this.#token(request, body);
    if (pathname === "/revoke") return this.#revoke(body);
    const known = this.#tokens.get(/^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "");
    const alive = known !== undefined && (known.accessTokenExpiresAt?.getTime() ?? 0) > Date.now();
    if (!alive) return { status: 401, body: { error: "invalid_token" } };
    if (pathname === "/api/me") return { status: 200, body: known.user };
    return { status: 404, body: { error: "not_found" } };
  }

  async #token(request: IncomingMessage, body: string): Promise<Answer> {
    const form = new URLSearchParams(body);
    const { accessTokenLifetime } = this;
    const server = new OAuth2Server({ model: this.#model(), accessTokenLifetime, alwaysIssueNewRefreshToken: true });
    const asked = new OAuth2Server.Request({
      headers: request.headers as Record<string, string>,
      method: request.method ?? "",
      query: {},
      body: Object.fromEntries(form),
    });
    const answered = new OAuth2Server.Response({});
    await server.token(asked, answered).catch(() => undefined);
    const status = answered.status ?? 200;
    this.requests.push({ headers: request.headers, form, status });
    return { status, headers: answered.headers ?? {}, body: answered.body };
  }

  #revoke(body: string): Answer {
    const token = new URLSearchParams(body).get("token") ?? "";
    this.revoked.push(token);
    this.#tokens.delete(token);
    this.#refreshTokens.delete(token);
    return { status: 200, body: {} };
  }

  #model(): OAuth2Server.PasswordModel & OAuth2Server.RefreshTokenModel {
    return {
      getClient: async (id, secret) =>
        id === this.#client.id && secret === this.#client.secret ? { id, grants: ["password", "refresh_token"] } : null,
      getUser: async (name: string, password: string) =>
        this.#people.get(name) === password ? { id: `person-${name.length}`, name } : null,
      saveToken: async (token, client, user) => {
        const { refreshToken, refreshTokenExpiresAt, ...rest } = token;
        const saved = {
          ...rest,
          ...(this.refreshes && { refreshToken, refreshTokenExpiresAt }),
          client,
          user,
        } as OAuth2Server.Token;
        this.#tokens.set(saved.accessToken, saved);
        this.issued.push(saved.accessToken);
        if (saved.refreshToken !== undefined) {
          this.#refreshTokens.set(saved.refreshToken, { ...saved, refreshToken: saved.refreshToken });
          this.issued.push(saved.refreshToken);
        }
        return saved;
      },
      getAccessToken: async (token) => this.#tokens.get(token) ?? null,
      getRefreshToken: async (token) => this.#refreshTokens.get(token) ?? null,
      revokeToken: async ({ refreshToken }) => this.#refreshTokens.delete(refreshToken ?? ""),
      validateScope: async (_user, _client, scope) => scope ?? [],
    } as OAuth2Server.PasswordModel & OAuth2Server.RefreshTokenModel;
  }
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

export const startLegacyServer = (options: Options): Promise<LegacyServer> => new LegacyServer(options).start();

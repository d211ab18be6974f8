// The package ships no types; these cover what oidc.mjs uses.
declare module "oidc-provider" {
  import type { IncomingMessage, ServerResponse } from "node:http";

  export interface Token {
    readonly accountId: string;
    readonly clientId: string;
    readonly scope?: string;
    readonly expiration: number;
    /** The thumbprint of the key that it is bound to (RFC 9449 §6.1). */
    readonly jkt?: string;
  }
  export interface GrantModel {
    addOIDCScope(scope: string): void;
    save(): Promise<string>;
  }
  export interface InteractionModel {
    readonly uid: string;
    readonly prompt: { readonly name: string; readonly details: { readonly missingOIDCScope?: readonly string[] } };
    readonly params: Readonly<Record<string, unknown>>;
    readonly grantId?: string;
    readonly session?: { readonly accountId: string };
  }
  export class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>);
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<InteractionModel>;
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: Record<string, unknown>,
      options?: { readonly mergeWithLastSubmission?: boolean },
    ): Promise<void>;
    readonly AccessToken: { find(value: string): Promise<Token | undefined> };
    readonly ClientCredentials: { find(value: string): Promise<Token | undefined> };
    readonly Grant: {
      new (values: { readonly accountId: string; readonly clientId: string }): GrantModel;
      find(id: string): Promise<GrantModel | undefined>;
    };
    proxy: boolean;
  }
}

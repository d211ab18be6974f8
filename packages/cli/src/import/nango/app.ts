// An app that is installed in an account: its key signs the request for the installation's token.

import { Inexpressible } from "../note.ts";
import type { Draft } from "./draft.ts";
import type { Mode } from "./modes.ts";
import { tokenUrl } from "./token-parts.ts";

/**
 * The installation is made on a page of the provider, which no OAuth callback follows; so the person names it. The token is good for an
 * hour and is asked for anew.
 */
export function appInstallation(draft: Draft): Mode {
  const url = tokenUrl(draft);
  if (url === undefined) throw new Inexpressible("`token_url` is missing");
  if (draft.take("authorization_url") !== undefined) {
    draft.notes.notCarried(
      "authorization_url",
      "the app is installed there beforehand, and the person enters the installation's id",
    );
  }
  const appId = draft.fields.get("credentials", "app_id");
  const key = draft.fields.get("credentials", "private_key");
  key.secret = "declared";
  const now = "$floor(request.timestamp / 1000)";
  const claims = `{"iss": fields.${appId.name}, "iat": ${now} - 60, "exp": ${now} + 540}`;
  const request = {
    method: "POST",
    url: draft.urlTemplate(url, "token_url"),
    headers: { Authorization: `Bearer {{ $jwt(${claims}, fields.${key.name}, "RS256") }}` },
  };
  return {
    id: "installation",
    auth: { type: "custom", token: { request, response: { access_token: "token", expires_in: "expires_at" } } },
  };
}

import { Type } from "typebox";
import { closed, keyed, OneOf, Parameter, type Place, Template, Tree } from "./text.ts";

const headerName = "^[A-Za-z0-9][A-Za-z0-9-]{0,63}$";
const parameterName = "^[^\\u0000-\\u001f]{1,200}$";

export const Parameters = (place: Place, description: string) =>
  Type.Record(Type.String(), Parameter(place, "A template. Left out when its only hole has no result."), {
    ...keyed(parameterName, 100, description),
  });

export const Headers = (place: Place, description: string) =>
  Type.Record(Type.String(), Parameter(place, "A template. Control characters are refused."), {
    ...keyed(headerName, 50, description),
  });

export const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] as const;

/** A request to the provider's API, relative to `base_url`. */
export const Request = (place: Place, description: string) =>
  Type.Object(
    {
      method: Type.Optional(OneOf(methods, "The HTTP method. Default: GET.")),
      path: Template(place, "Joined to `base_url`; begins with a slash. Holes are encoded as one path segment each."),
      query: Type.Optional(Parameters(place, "Query parameters, encoded by the engine.")),
      headers: Type.Optional(Headers(place, "Request headers.")),
      encoding: Type.Optional(OneOf(["json", "form", "text"], "How `body` is sent. Default: json.")),
      body: Type.Optional(Tree(place, "The request's body. Every text in it is a template.")),
    },
    { ...closed, description },
  );

import { Type } from "typebox";
import { closed, keyed, OneOf, Parameter, type Place, Template, Tree, Whole, Word } from "./text.ts";

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

export const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] as const;

export const Method = (description: string) => OneOf(methods, description);

/** How a body is sent. */
export const encodings = ["json", "form", "text", "xml", "multipart", "binary"] as const;

/** A request: to the provider's API with `path`, or to anywhere on the whitelist with `url`. */
export const Request = (place: Place, description: string) =>
  Type.Object(
    {
      method: Type.Optional(
        Word(place, methods, "The HTTP method, or a hole for a field or an input whose `options` are methods. Default: GET."),
      ),
      path: Type.Optional(
        Template(
          place,
          "Joined to `base_url`; begins with a slash. Holes are encoded as one path segment each; a field or an input of type `path` may " +
            "stand for the whole.",
        ),
      ),
      url: Type.Optional(Template(place, "Instead of `path`: a whole URL, for what lives elsewhere than `base_url`.")),
      query: Type.Optional(
        Whole(
          place,
          Parameters(place, "Query parameters, encoded by the engine."),
          "Query parameters, encoded by the engine; or one hole that gives all of them as an object.",
        ),
      ),
      headers: Type.Optional(
        Whole(place, Headers(place, "Request headers."), "Request headers; or one hole that gives all of them as an object."),
      ),
      encoding: Type.Optional(
        Word(
          place,
          encodings,
          "How `body` is sent, or a hole for a field or an input whose `options` are encodings. A value `{ file, filename, type }` of a multipart body, and a binary body, is a file input or base64. " +
            "Default: json.",
        ),
      ),
      body: Type.Optional(Tree(place, "The request's body. Every text in it is a template.")),
    },
    { ...closed, description },
  );

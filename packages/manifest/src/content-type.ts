import type { encodings } from "./schema/request.ts";

type Encoding = (typeof encodings)[number];

/** What else than its own type a body of each encoding may be declared as: `application/vnd.api+json` is JSON too. */
const declarable: { readonly [E in Encoding]: RegExp } = {
  json: /^[\w!#$&^.+-]+\/([\w!#$&^.+-]+[+.-])?json\s*(;|$)/i,
  form: /^application\/x-www-form-urlencoded\s*(;|$)/i,
  text: /^(?!multipart\/|application\/x-www-form-urlencoded)/i,
  xml: /^[\w!#$&^.+-]+\/([\w!#$&^.+-]+\+)?xml\s*(;|$)/i,
  // Its boundary is drawn when it is written.
  multipart: /(?!)/,
  binary: /^(?!multipart\/|application\/x-www-form-urlencoded)/i,
};

/** Whether a Content-Type may stand over a body that is written in this way. */
export const fitsEncoding = (type: string, encoding: Encoding): boolean => declarable[encoding].test(type.trim());

// Why a problem is one, where that cannot be seen; for the pages that `npm run generate` makes.

import type { ProblemCode } from "./problem.ts";

export const problemReasons: Readonly<Partial<Record<ProblemCode, string>>> = {
  too_large:
    "Reading a manifest must never hold up the server that does it, so its size is limited, and so are its depth and the number of its values.",
  yaml_alias: "A few aliases can stand for billions of values. Without them, what a file holds is what can be seen in it.",
  yaml_tag: "Tags make a parser build values of other kinds; a manifest needs texts, numbers, booleans, lists and maps only.",
  yaml_key: "Without quotes, `{{ … }}` is a YAML map within a map, which cannot be a text.",
  duplicate_key: "YAML readers disagree on which of the two counts, so one of them would silently be lost.",
  forbidden_key: "Names such as `constructor` mean something in JavaScript, where they have opened holes before.",
  yaml_number: "Numbers beyond 2^53 lose their last digits when they are read.",
  unknown_key: "A mistyped key would otherwise be passed over in silence, and its default would hold.",
  bad_regular_expression:
    "Patterns run in linear time, whatever text they are held against; look-around and back-references cannot be run so.",
  response_type: "Any other response type makes the provider put tokens into a URL, where browsers, proxies and logs keep them.",
  template_like: "Only `{{ … }}` is a hole; anything else is sent to the provider letter by letter.",
  expression_forbidden:
    "Expressions of authors run on a server that others use too: they read values and compute, and do nothing else.",
  expression_too_complex: "Time, depth and memory of every expression are bounded.",
  unknown_name:
    "Each place of a manifest has its own names in reach: a label is made before there is any input, and the answer of the test call is called `me`.",
  secret_misplaced:
    "Labels, URLs, default parameters and outputs are shown, logged and handed on. Tokens, secret fields, the client secret and the hook's secret stand only where a secret is sent as one.",
  extends_unknown:
    "A connector can take over the sign-in of one other connector beside it, and of no chain of them, so that a reader has to look at two files at most.",
  name_not_folder: "The folder is the registry: the redirect URL, the apps and the connections go by that name.",
  no_user_step:
    "With such a grant nobody is sent to a page of the provider, so there is no authorization request and nothing comes back from one.",
  risk_not_acknowledged:
    "The platform would hold a person's password, which opens everything that the person can do. RFC 9700 says that this grant must not be used; some old servers know no other.",
  password_needed:
    "With `store_password: false` the password is erased as soon as there is a token. Whatever needs it later would fail.",
  choice_unbound: "Whoever fills in the field could otherwise send any word, and some words change what a request means.",
  app_key_missing:
    "What stands under `client.fields` is what the set-up page asks the admin for. A key that is not listed there is never entered, and every signature fails.",
  no_revocation:
    "When somebody removes a connection, its tokens should end at the provider too. `revocation` gives the endpoint or the request for it. If there is none, saying so shows that it was looked for.",
  needs_user: "A code or a device's confirmation is given once, by a person. It cannot be asked for again in the background.",
  lifetime_conflict: "A token would be replaced again and again, or at a time when the provider refuses to.",
  interval_too_short: "With thousands of connections, such requests soon use up what a provider allows.",
  url_not_https: "Credentials in plain http can be read and changed on their way.",
  url_invalid: "Parsers disagree about such URLs, and a credential could end up with another host than the one that was checked.",
  host_hole_unbound:
    "Whoever fills in the form could have the credential, or the client's secret, sent to a server of their own.",
  host_pattern_loose:
    "A value such as `evil.example/` turns `https://{{ … }}.acme.example` into a URL of somebody else's. The linter tries such values out against the pattern, and shows one that gets through.",
  token_host_captured:
    "The token request carries the client's secret. What stands in a callback's URL can be written by anybody who makes a person follow a link, so only hosts that are listed here may be named by it, and not even a good pattern is enough.",
  token_host_typed:
    "An admin registers an app once, at one server. Where each customer runs a server, each of them has a client of its own, and only that one's secret may go there.",
  capture_bounds:
    "Captured values come from outside and become part of URLs, of names and of requests. Each says what it may be.",
  capture_name_taken: "The captured value would hide one of the engine's own, or another captured one.",
  secret_captured: "Captures may be used in labels, URLs and unique ids, which secrets may not.",
  after_connect_unclear: "Each of these requests either keeps values by itself or lets the person choose.",
  request_target: "`path` is joined to `base_url`; `url` is for what lives elsewhere. Either way, the whitelist must cover it.",
  body_with_get: "Many servers and proxies drop the body of a GET request. Mostly, `method` was forgotten.",
  content_type_differs:
    "The encoding decides how the body is written. A header that tells the provider something else makes it misread the body, so such a request " +
    "is refused. More precise types fit: `application/vnd.api+json` is JSON, and `text/csv` is text.",
  header_reserved: "Such headers steer the connection itself or tell who is asking; a request that sets them is refused.",
  path_invalid: "A path that does not begin with one slash could become part of the host, or leave `base_url`.",
  path_query: "What stands in a path is not encoded as a parameter is, and `default_params` cannot replace it.",
  engine_parameter:
    "The engine sends the parameters that RFC 6749 and its companions ask for. If an author could set them, `state` or PKCE could be switched off by mistake.",
  scope_with_space:
    "The scopes are joined with the separator, so that two in one text would count as one when granted and required scopes are compared.",
  unused_scope: "An optional scope is asked for when an action that needs it is used. If no action names it, it never is.",
  whitelist_invalid:
    "The whitelist is what keeps a credential with its provider. An entry must name a scheme, a host and, if need be, a port and a path.",
  whitelist_wildcard: "Among all hosts below a domain there may be some that customers of the provider run themselves.",
  whitelist_gap:
    "The engine sends the credential to no URL that the whitelist does not cover, so that this request would always fail. Without `whitelist`, only what is below `base_url` is covered.",
  too_many_fields: "OAuth tells who somebody is. Every further question is one at which people give up.",
  far_too_many_fields: "Nobody fills in such a form.",
  identity_field: "People mistype it, and the provider tells it anyway.",
  required_extra_field: "What is asked beside OAuth should be needed only by those who want something special.",
  field_without_help: "Where a key is found is the question that people ask most often.",
  field_not_secret: "Only fields with `secret: true` are sealed, kept out of answers and logs, and never shown again.",
  page_never_sent: "The second request would be the same as the first.",
  missing_unique_id: "It finds the connection again when the same account is connected a second time.",
  label_repeats_title: "Lists show the connector's title beside each label anyway.",
  unique_id_email: "Addresses are changed and handed on; then one person's connection would be taken for another's.",
  identity_constant: "Two accounts could not be told apart.",
  sample_mismatch: "The sample is what the provider answers, as far as the author knows. One of the two is mistyped.",
  literal_secret: "Manifests are copied, reviewed and published.",
  literal_secret_suspected:
    "Manifests are copied, reviewed and published. The text has the form of a known kind of token, or looks random.",
  environments_differ: "A URL would have an empty host in one of them.",
  mapper_missing:
    "One app receives the events of all its users at one URL. Without a mapper nobody knows whose workflow to start.",
  verification_missing:
    "The URL of a hook is known to the provider and to whoever has seen its settings. Without a check, they all can start workflows.",
  events_not_verified: "Anybody who has seen the URL can start workflows with data of their own.",
};

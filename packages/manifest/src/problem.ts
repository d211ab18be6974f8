// What an author reads. There is one table of codes; `title` and `cure` also make the document of all problems.

export type Severity = "error" | "warning";

interface Kind {
  readonly severity: Severity;
  readonly title: string;
  readonly cure: string;
}

const error = (title: string, cure: string): Kind => ({ severity: "error", title, cure });
const warning = (title: string, cure: string): Kind => ({ severity: "warning", title, cure });

/** Every problem that a manifest can have. A code is never renamed or used for something else. */
export const problemKinds = {
  // The text.
  too_large: error("The file is too large.", "A manifest has at most 256 KB; split it into several connectors."),
  too_deep: error("Values are nested too deeply.", "Nest at most 32 levels."),
  too_many_values: error("The file holds too many values.", "Split it into several connectors."),
  yaml_syntax: error("The YAML cannot be read.", "Correct the YAML at this place."),
  yaml_directive: error("A YAML directive stands in the file.", "Remove the line; a manifest is always YAML 1.2."),
  yaml_alias: error("An anchor or alias stands in the file.", "Write the value out at both places."),
  yaml_tag: error("An explicit tag stands in the file.", "Remove the tag; quote the value if it should be a text."),
  yaml_documents: error("The file holds several documents.", "Keep one manifest per file."),
  yaml_key: error("A key is not a plain text.", "Write the key as a text; put a value with {{ … }} in quotes."),
  duplicate_key: error("A key stands twice.", "Remove one of the two."),
  forbidden_key: error("A key has a reserved name.", "Choose another name."),
  yaml_number: error("A number cannot be kept exactly.", "Put it in quotes."),
  empty: error("The file holds no manifest.", "Begin with `manifest: 1`, `name`, `title`, `base_url` and `auth`."),

  // The shape.
  unknown_key: error("A key is not known here.", "Remove it or correct its name."),
  missing_key: error("A key is missing.", "Add it."),
  wrong_type: error("A value is of the wrong kind.", "Give the kind of value that is asked for."),
  not_allowed: error("A value is not one of those allowed.", "Choose one of the allowed values."),
  bad_format: error("A text does not have the form that is asked for.", "Correct the text."),
  bad_regular_expression: error(
    "A regular expression cannot be compiled.",
    "Use RE2 syntax: no look-around, no back-references.",
  ),
  too_short: error("A value is too short or too small.", "Give more."),
  too_long: error("A value is too long or too large.", "Shorten it."),
  too_many_problems: error("There are more problems than are shown.", "Correct those above first."),
  response_type: error("Another response type than `code` is asked for.", "Remove the line: `code` is always used."),

  // Templates and expressions.
  template_unclosed: error("A hole is not closed.", "Close it with `}}`."),
  template_empty_hole: error("A hole is empty.", "Name a value in it, such as `{{ fields.subdomain }}`."),
  template_like: warning("A text looks like a hole of another language.", "Holes are written `{{ … }}`."),
  expression_syntax: error("An expression cannot be read.", "Correct the JSONata expression."),
  expression_forbidden: error("An expression uses what is not available.", "Express it without that function or operator."),
  expression_regex: error("A regular expression cannot be compiled.", "Use RE2 syntax: no look-around, no back-references."),
  expression_too_complex: error("An expression is too long or nested too deeply.", "Make it simpler."),
  unknown_function: error(
    "A function does not exist.",
    "Use one of JSONata's functions, or $base64, $base64url, $sha256, $hmac.",
  ),
  unknown_variable: error("A variable is never set.", "Names are written without `$`; a variable is set with `:=`."),
  unknown_name: error("A name is not in reach here.", "Use one of the names that are in reach."),
  unknown_field: error("A field is not declared.", "Declare it under `fields`."),
  unknown_input: error("An input is not declared.", "Declare it under `input`."),
  unknown_variable_of_environment: error("No environment has this variable.", "Declare it in every environment."),
  secret_misplaced: error("A secret stands where it does not belong.", "Secrets belong under `apply` and `token.params` only."),

  // Meaning.
  extends_unknown: error("The connector that is extended cannot be used.", "Name another connector that extends none itself."),
  name_not_folder: error("The name is not the folder's.", "Give both the same name."),
  no_user_step: error("This grant has no user step.", "Remove it: with this grant nobody is sent to a page of the provider."),
  key_not_of_grant: error("A key belongs to another grant.", "Remove it, or choose the grant that it belongs to."),
  risk_not_acknowledged: error(
    "The grant `password` stands without its acknowledgement.",
    "Choose another grant if the provider has one; if not, add `acknowledge_risk: password_grant`.",
  ),
  password_needed: error(
    "A password is needed again that is not stored.",
    "Remove `store_password: false`, or what asks for the password again.",
  ),
  app_key_missing: error(
    "A key of the app is used that nobody is asked for.",
    "Ask the admin for it under `client.fields`, with `secret: true`.",
  ),
  revocation_unclear: error("A revocation has no target, or two.", "Give one of `url`, `request` and `none`."),
  no_revocation: warning(
    "Nothing is said about revocation.",
    "Add `revocation`, or say why the provider has none: `revocation: { none: … }`.",
  ),
  needs_user: error(
    "A credential is to be replaced without its user, who is needed.",
    "Remove the line; the user is asked to sign in again.",
  ),
  lifetime_conflict: error("Times of the refresh contradict each other.", "Correct one of the times."),
  interval_too_short: error("Something is to happen too often.", "Choose 5m or more."),
  url_not_https: error("A URL does not begin with https://.", "Use https."),
  url_invalid: error("A URL cannot be read.", "Write scheme, host and path, such as https://api.acme.example/v1."),
  host_hole_unbound: error(
    "What stands in a host is not limited.",
    "Give the field a `pattern` that allows host characters only.",
  ),
  host_pattern_loose: error("The pattern of a host's field lets other hosts through.", "Allow letters, digits and hyphens only."),
  token_host_captured: error(
    "The callback says where the client's secret goes.",
    "List the hosts under the capture's `options`: anybody can make people follow a link with values of their own.",
  ),
  token_host_typed: error(
    "The user says where the admin's client secret goes.",
    "Let each user bring the client, with `client: { source: connection }`, or name the provider's domain in the field's pattern.",
  ),
  capture_bounds: error("What a captured value may be is not said, or said twice.", "Give either `pattern` or `options`."),
  capture_name_taken: error("A captured value has the name of another one.", "Choose another name."),
  secret_captured: error(
    "A captured value is a secret.",
    "Captures are kept in the clear; a token belongs under `response`, where it is sealed.",
  ),
  unused_capture: warning("A value is captured and never used.", "Use it in a template or remove it."),
  after_connect_unclear: error(
    "A request after the sign-in finds nothing, or two kinds of things.",
    "Give either `capture` or `choose`.",
  ),
  request_target: error("A request has no target, or two.", "Give either `path`, which is joined to `base_url`, or `url`."),
  body_with_get: warning("A request that reads has a body.", "Say with `method` what the request does, such as POST."),
  choice_unbound: error(
    "A hole stands for one of a few words and may hold others.",
    "Name a field or an input whose `options` are such words.",
  ),
  content_type_differs: error(
    "`Content-Type` says something else of a body than its `encoding`.",
    "Choose the `encoding` that sends such a body, or leave the header out: it follows the encoding.",
  ),
  header_reserved: error("A header is the engine's own.", "Remove it; it would be refused."),
  apply_twice: error("The credential goes to one place twice.", "Remove one of the two."),
  apply_without_credential: warning("`apply` sends no credential.", "Name it, such as `{{ fields.api_key }}`."),
  key_without_effect: warning("A key changes nothing.", "Remove it, or what makes it useless."),
  path_invalid: error("A path does not begin with a single slash.", "Write a path below `base_url`, such as /me."),
  path_query: warning("A path holds a query.", "Write its parameters under `query`, so that they are encoded."),
  engine_parameter: error("A parameter is set by the engine.", "Remove it."),
  unknown_parameter: warning("A parameter is renamed or left out that is never sent.", "Remove it or correct its name."),
  scope_with_space: error("One scope holds a separator.", "Write two items, each with its reason."),
  duplicate_scope: error("A scope stands twice.", "Remove one of the two."),
  undeclared_scope: error("An action needs a scope that no auth declares.", "Declare it under the auth's `scopes.optional`."),
  unknown_auth: error("An action names a way to connect that does not exist.", "Name one of the keys under `auth`."),
  unused_scope: warning(
    "An optional scope is never asked for.",
    "Name it under the `scopes` of the actions that need it, or remove it.",
  ),
  whitelist_invalid: error("A whitelist entry would let the credential go too far.", "Write https://host[:port][/path]."),
  whitelist_wildcard: warning("A whitelist entry covers every host below a domain.", "Name the hosts that are needed."),
  whitelist_gap: error("A request is not covered by the whitelist.", "Add its URL to `whitelist`."),
  duplicate_field: error("Two fields have the same name.", "Rename one of them."),
  unused_field: warning("A field is asked for and never used.", "Use it in a template or remove it."),
  unused_input: warning("An input is taken and never used.", "Use it in a template or remove it."),
  too_many_fields: warning("The person is asked for many things beside OAuth.", "Ask for five things at most."),
  far_too_many_fields: error("The person is asked for far too many things.", "Ask for twelve things at most."),
  identity_field: warning("The person is asked who they are although OAuth tells.", "Remove the field; take it from `me`."),
  required_extra_field: warning("A field beside OAuth must be filled in.", "Make it optional, unless a URL needs it."),
  field_label_vague: error("A field's label says too little.", "Say whose key, value or token it is, such as `Acme API key`."),
  field_without_help: warning("A secret or an ID is asked for without help.", "Say with `help` where the value is found."),
  field_not_secret: warning("A field seems to hold a secret and is not marked as one.", "Add `secret: true`."),
  options_missing: error("A drop-down has no choices.", "List them under `options`."),
  default_mismatch: error("A default does not fit its field.", "Give a default that the field itself takes."),
  duplicate_choice: warning("A choice stands twice.", "Remove one of the two."),
  range_empty: error("A range holds nothing.", "Swap `min` and `max`, or correct one of them."),
  unknown_options: error(
    "A drop-down names choices that do not exist.",
    "Declare them under `options` at the end of the manifest.",
  ),
  unused_options: warning("Choices are declared and never used.", "Name them under the `options` of an input, or remove them."),
  page_never_sent: error(
    "The next page is never asked for.",
    'Send it, such as with `send: { query: { cursor: "{{ page.cursor }}" } }`.',
  ),
  page_without_pages: warning("A page is named where there is only one.", "Say how the next page is found, or remove it."),
  page_output_of_answer: warning(
    "The output of a paged action reads the answer instead of an item.",
    "Name the item's own keys, such as `output: name`.",
  ),
  missing_label: error("An auth has no label.", 'Name the connection, such as `label: "{{ me.name }}"`.'),
  missing_unique_id: error("An auth has no unique id.", "Tell accounts apart, such as `unique_id: me.id`."),
  label_repeats_title: warning("A label begins with the connector's title.", "Begin with what tells one account from another."),
  unique_id_email: warning("An e-mail address tells accounts apart.", "It can change hands; prefer an id."),
  identity_constant: warning("All connections would have the same name or id.", "Name a value that differs, such as `me.id`."),
  identity_of_itself: error("A name of a connection is made from itself.", "Use `me`, `fields` or captured values."),
  sample_mismatch: warning("The test's sample lacks what is read from the answer.", "Correct the name, or the sample."),
  missing_apply: error("It cannot be told where the credential goes.", "Say it with `apply`."),
  issuer_missing: error("Something is required that only a named `issuer` can bring.", "Add `issuer`."),
  literal_secret: error("A secret stands in the manifest.", "Remove it; secrets are entered in the set-up page."),
  literal_secret_suspected: warning("A text looks like a secret.", "Ask for it with a secret field."),
  environments_differ: error("The environments do not have the same variables.", "Declare every variable in every environment."),
  timeout_too_long: error("A call may take too long.", "Allow at most 10s for a test and 5m for an action."),

  // Events.
  parser_missing: error("Nothing reads the events of a trigger.", "Add `services.webhook_parser`."),
  subscription_missing: error(
    "Nothing makes the provider send events.",
    "Add `subscribe` with the request that asks for them, or tell the person under `manual` what to do.",
  ),
  mapper_missing: error("It cannot be told whose events they are.", "Add `services.user_id_mapper`."),
  mapper_incomplete: error("The mapper lacks what its way of matching needs.", "Add it, or choose another `match`."),
  verification_missing: error(
    "Events are taken from anybody.",
    "Add `services.webhook_verification`; if the provider has none, say why under `none`.",
  ),
  verification_unclear: error("How events are verified contradicts itself.", "Keep one of the two."),
  events_not_verified: warning("Events cannot be verified.", "Prefer a signature or a shared secret if the provider knows one."),
} as const satisfies Record<string, Kind>;

export type ProblemCode = keyof typeof problemKinds;

/** What is wrong with a manifest, where, and what to do about it. */
export interface Problem {
  readonly code: ProblemCode;
  readonly severity: Severity;
  readonly file: string;
  /** The keys that lead to the place, such as `auth.oauth.fields[0].label`. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** How much of the line is meant; at least 1. */
  readonly length: number;
  readonly message: string;
  readonly hint: string;
  /** The source line and a line with carets below it. */
  readonly excerpt: string;
}

/** A problem as programs read it. */
export type ListedProblem = Omit<Problem, "file" | "length" | "excerpt">;

export function listedProblem({ code, severity, path, line, column, message, hint }: Problem): ListedProblem {
  return { code, severity, path, line, column, message, hint };
}

const gutter = 5;
const widest = 150;

const control = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** Text of an author as it may be shown: a control character would move the carets or, on a terminal, do worse. */
export function shown(text: string): string {
  return text.replace(control, (character) =>
    character === "\t" || character === "\n" ? " " : "\u00b7".repeat(character.length),
  );
}

/** The source line with its number, and carets below the `length` characters from `column` on. */
export function excerptOf(source: string, line: number, column: number, length: number): string {
  const start = column > widest - 30 ? column - Math.floor(widest / 2) : 1;
  const clipped = source.slice(start - 1, start - 1 + widest);
  const indent = " ".repeat(Math.min(column, start + widest) - start);
  const carets = "^".repeat(Math.max(1, Math.min(length, clipped.length - (column - start))));
  return `${String(line).padStart(gutter)} | ${shown(clipped)}\n${" ".repeat(gutter)} | ${indent}${carets}`;
}

const paint = { error: "\u001b[31m", warning: "\u001b[33m", bold: "\u001b[1m", plain: "\u001b[0m" };

/** One problem as text: the place and the message, the source line, the carets. */
export function formatProblem(problem: Problem, options: { colour?: boolean } = {}): string {
  const { file, line, column, severity, code, message, hint, excerpt } = problem;
  const text = hint === "" ? message : `${message} ${hint}`;
  const colour = (style: keyof typeof paint, part: string) =>
    options.colour === true ? paint[style] + part + paint.plain : part;
  const [source = "", carets = ""] = excerpt.split("\n");
  const head = `${colour("bold", `${file}:${line}:${column}`)}  ${colour(severity, severity)}  ${code}  ${text}`;
  return excerpt === "" ? head : `${head}\n${source}\n${colour(severity, carets)}`;
}

/** The order in which problems are shown: by place, errors first. */
export function byPlace(a: Problem, b: Problem): number {
  return a.line - b.line || a.column - b.column || a.severity.localeCompare(b.severity) || a.code.localeCompare(b.code);
}

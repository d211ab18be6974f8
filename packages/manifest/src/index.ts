export { type Ambient, systemAmbient } from "./ambient.ts";
export { withLiveParts } from "./auth-version.ts";
export { type Compilation, type CompileOptions, compile, restore } from "./compile.ts";
export type * from "./connector.ts";
export {
  asList,
  compileExpression,
  type Expression,
  ExpressionError,
  type ExpressionErrorCode,
  type Template,
} from "./expression.ts";
export type { Bases } from "./extends.ts";
export { type InputSchema, inputSchema } from "./input-schema.ts";
export { manifestJsonSchema } from "./json-schema.ts";
export { jwtClaims, SigningError, signJwt } from "./jwt.ts";
export { type Name, names, places } from "./names.ts";
export { compilePattern, type Pattern } from "./pattern.ts";
export {
  formatProblem,
  type ListedProblem,
  listedProblem,
  type Problem,
  type ProblemCode,
  problemKinds,
  type Severity,
} from "./problem.ts";
export { problemReasons } from "./problem-reasons.ts";
export type { Manifest } from "./schema/manifest.ts";
export { clientAuthentications } from "./schema/oauth2.ts";
export { encodings, methods } from "./schema/request.ts";
export type { Place } from "./schema/text.ts";
export { nearest } from "./suggestion.ts";
export { compileTemplate } from "./template.ts";

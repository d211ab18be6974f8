export type {
  ActionName,
  Actions,
  ActionTypes,
  AnyConnectors,
  ConnectorTypes,
  InputOf,
  ItemOf,
  OutputOf,
  Step,
  StepArguments,
  StepOptions,
  StreamOptions,
} from "./actions.ts";
export type { AnswerOf, ApiOptions, OperationId, RequestOf } from "./api.ts";
export type { BoundConnection } from "./bound-connection.ts";
export type { Change, Connections } from "./connections.ts";
export {
  type ClientErrorCode,
  Conflict,
  Forbidden,
  InvalidRequest,
  JackfieldError,
  Misconfigured,
  NeedsReauth,
  NotFound,
  type ProblemDocument,
  ProviderFailed,
  RateLimited,
  ServerFailed,
  TimedOut,
  Unauthenticated,
  Unreachable,
} from "./errors.ts";
export { Jackfield, type JackfieldSettings } from "./jackfield.ts";
export type { Listing, Page } from "./pages.ts";
export type { ProxyOptions } from "./proxy.ts";
export type { AppName, Choice, FileContent } from "./resources.ts";
export type { CallOptions } from "./transport.ts";
export type * from "./wire.ts";

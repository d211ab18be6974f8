export type { Actor, Limits } from "./connection/actor.ts";
export type { App } from "./connection/app/apps.ts";
export type { AppValues } from "./connection/app/values.ts";
export { isPasswordGrant, recommendedAuth } from "./connection/auths.ts";
export type { ConnectionChange, Filter, NewConnection } from "./connection/connections.ts";
export { allows } from "./connection/limits.ts";
export { isOutgoing, messageTypes, outgoing, outgoingTypes } from "./connection/outgoing.ts";
export type * from "./connection/record.ts";
export { duties, statuses, untold } from "./connection/record.ts";
export { createSealer, type KeyRing, masterKeyOf, type Place, type Sealer } from "./connection/seal.ts";
export type { Begun, CallbackOutcome } from "./connection/sign-in/authorization.ts";
export type * from "./connection/store.ts";
export { IdentityTaken, mostWorkflows } from "./connection/store.ts";
export type { TestResult } from "./connection/upkeep/check.ts";
export type { Revocation } from "./connection/upkeep/revocation.ts";
export { inUseMs } from "./connection/usage.ts";
export type { Connection } from "./connection/view.ts";
export { allowsPlainHttp } from "./egress/address.ts";
export type { Egress, EgressAnswer, EgressOptions, EgressRequest, EgressStream } from "./egress/egress.ts";
export type { Headers } from "./egress/headers.ts";
export { readEgressProxy } from "./egress/proxy.ts";
export type { Upload } from "./egress/redirect.ts";
export { parseUrl } from "./egress/whitelist.ts";
export { createEngine, type Engine, type EngineOptions } from "./engine.ts";
export { type Audience, type ErrorCode, type ErrorDetails, errorTable, JackfieldError, type ProviderWords } from "./errors.ts";
export type { Log } from "./log.ts";
export { oneAtATime } from "./one-at-a-time.ts";
export type { Delivery, EndpointValues, EventEndpoint, EventEndpoints } from "./outbound/endpoints.ts";
export { asSent, type Sent } from "./preview/paper.ts";
export { type PreviewOptions, previewRequests } from "./preview/preview.ts";
export type { Preview, PreviewedRequest, RequestKind } from "./preview/recorder.ts";
export { countJobs, type Job, type JobCounts, type JobKind, jobKinds, type Queue } from "./queue.ts";
export { type Repeat, repeatByTimer } from "./repeat.ts";
export type { Named, Platform, Policy, Registry } from "./runtime.ts";
export { type SealedRecords, type SealedText, sealedIn } from "./sealed.ts";
export type { Spool } from "./spool.ts";
export { type File, mostFileBytes } from "./step/files.ts";
export type { OptionsPage, OptionsRequest } from "./step/options.ts";
export type { ProxyAnswer, ProxyRequest } from "./step/proxy.ts";
export type { StepOptions, StepPart, StepResult, StepSummary } from "./step/step.ts";
export {
  type Attributes,
  errorName,
  type Measure,
  type MeasureLabels,
  type MeasureName,
  measures,
  noTelemetry,
  type RefreshOutcome,
  type SpanName,
  statusClass,
  type Telemetry,
} from "./telemetry.ts";

export { createSandbox, type Sandbox, type SandboxOptions } from "./sandbox.ts";
export type { ClientCredentials } from "./token-endpoint.ts";

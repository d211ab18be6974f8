export { openApiDocument } from "./api/openapi.ts";
export { routes } from "./api/routes.ts";
export { type Config, ConfigError, readConfig, variables } from "./config.ts";
export { examine, type Finding, type Level } from "./doctor/doctor.ts";
export { run } from "./main.ts";
export { type Server, startServer } from "./server.ts";
export { openSharedStore } from "./store/open.ts";
export type { HostStore } from "./store/port.ts";
export { openStore, type SqliteStore } from "./store/sqlite.ts";

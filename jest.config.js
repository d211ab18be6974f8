import { availableParallelism } from "node:os";

/** @type {import("jest").Config} */
export default {
  testMatch: ["<rootDir>/packages/*/test/**/*.test.ts", "<rootDir>/test/**/*.test.ts"],
  globalSetup: "<rootDir>/test/harness/shared-services.mjs",
  testPathIgnorePatterns: ["/node_modules/", "/dist/"],
  transform: {
    "\\.[cm]?[jt]s$": [
      "@swc/jest",
      { jsc: { target: "es2023", parser: { syntax: "typescript" } }, module: { type: "commonjs" } },
    ],
  },
  // Packages that are published as ES modules only.
  transformIgnorePatterns: ["/node_modules/(?!(typebox|re2js|jose|oauth4webapi|@seriousme)/)"],
  moduleNameMapper: { "^@jackfield/([a-z]+)$": "<rootDir>/packages/$1/src/index.ts" },
  // Most suites wait for processes of their own: a worker for each core, and on one core two.
  maxWorkers: Math.max(2, availableParallelism()),
  // Many tests start whole processes, on machines that are shared.
  testTimeout: 60_000,
};

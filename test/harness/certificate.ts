import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporary } from "./cleanup.ts";

/* A self-signed certificate for this machine's own address, and its key. They protect nothing but the tests' own servers. */

const certificate = `-----BEGIN CERTIFICATE-----
MIIBpzCCAU2gAwIBAgIUIR9H9q0D7aBno4up+XSvG3niLG0wCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPSmFja2ZpZWxkIHRlc3RzMCAXDTI2MTEyMTIwNDA0M1oYDzIx
MjYxMDI4MjA0MDQzWjAaMRgwFgYDVQQDDA9KYWNrZmllbGQgdGVzdHMwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAARBxKr3MOK0juOJmUpzszFJCIOoNJVFC25JEEbL
amQvEJhVi4IzNbIgltE8pRrsNjP9TVU+20j7dWrclaDApQmCo28wbTAdBgNVHQ4E
FgQUS8omou687KVHQKPO6GwvK1J/SBUwHwYDVR0jBBgwFoAUS8omou687KVHQKPO
6GwvK1J/SBUwDwYDVR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SH
BH8AAAEwCgYIKoZIzj0EAwIDSAAwRQIgD9sNloDSJ8kc+Ngdv+N8h51ecaj0u/GB
Hrl4lmgszroCIQCkr91VMNZ/dBPSB1wqbnC0Tm+XEk9eE4iqiSZ1N9Vlkg==
-----END CERTIFICATE-----
`;

const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgY1ZogTbkPRYexbvT
Q2GKAjQczPXoPy+QK/3W5yRlO7+hRANCAARBxKr3MOK0juOJmUpzszFJCIOoNJVF
C25JEEbLamQvEJhVi4IzNbIgltE8pRrsNjP9TVU+20j7dWrclaDApQmC
-----END PRIVATE KEY-----
`;

/** Both as files, which go away with the test file. */
export function certificateFiles(): { readonly certificate: string; readonly key: string } {
  const folder = temporary();
  const files = { certificate: join(folder, "certificate.pem"), key: join(folder, "key.pem") };
  writeFileSync(files.certificate, certificate);
  writeFileSync(files.key, key, { mode: 0o600 });
  return files;
}

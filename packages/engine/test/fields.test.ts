import { compile } from "@jackfield/manifest";
import { changeFields } from "../src/connection/fields.ts";
import type { OpenConnection } from "../src/connection/open.ts";

const { connector, problems } = compile(
  `manifest: 1
name: acme
title: Acme
base_url: https://api.acme.example
auth:
  login:
    type: custom
    fields:
      - { name: host, label: Host, required: true, pattern: "^[a-z]+[.]acme[.]example$" }
      - { name: site, label: Site, required: true, pattern: "^[a-z]+[.]acme[.]example$" }
      - { name: user, label: User, required: true }
      - { name: password, label: Password, secret: true, required: true, help: Yours. }
    base_url: "https://{{ fields.site }}/api"
    token:
      request: { method: POST, url: "https://{{ fields.host }}/login", body: { user: "{{ fields.user }}", password: "{{ fields.password }}" } }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
`,
  { file: "acme" },
);

const anywhere = { plainHttp: () => false };

const opened = () => {
  const auth = connector?.auth.login;
  if (!connector || !auth) throw new Error(JSON.stringify(problems));
  const open = { host: "a.acme.example", site: "b.acme.example", user: "ada" };
  const record = { environment: "production", fields: open };
  return { connector, auth, fields: { ...open, password: "canary" }, record } as unknown as OpenConnection;
};

test.each(["host", "site"])(
  "A field that decides where a password is sent (%s) is changed together with the password",
  async (name) => {
    const change = { [name]: "c.acme.example" };
    await expect(changeFields(anywhere, opened(), change)).rejects.toMatchObject({
      code: "field_required",
      members: { field: "password" },
    });
    expect(await changeFields(anywhere, opened(), { ...change, password: "new" })).toMatchObject({ ...change, password: "new" });
    expect(await changeFields(anywhere, opened(), { user: "grace" })).toMatchObject({ user: "grace", password: "canary" });
  },
);

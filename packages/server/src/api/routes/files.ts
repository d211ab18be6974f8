import { mostFileBytes } from "@jackfield/engine";
import { Type } from "typebox";
import { noContent, type Route, route } from "../route.ts";
import { closed, FileInfo, Identifier, plainLine } from "../schemas.ts";

const users = ["admin", "user", "workflow"] as const;
const params = Type.Object({ id: Identifier("The file's id.") });

const mediaType = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}(;[ -~]{1,200})?$/;

const uploadFile = route({
  id: "uploadFile",
  method: "POST",
  path: "/v1/files",
  summary: "Keeps a file for a day, so that steps can be given its id. Its type is the Content-Type.",
  roles: users,
  query: Type.Object(
    { name: Type.Optional(Type.String({ minLength: 1, maxLength: 255, pattern: plainLine, description: "What it is called." })) },
    closed,
  ),
  body: { kind: "raw", limit: mostFileBytes, description: "The file's content, up to 25 MiB." },
  answers: { 201: { description: "The file, kept.", schema: FileInfo } },
  async handle({ engine }, { query: { name }, body, request }, { actor }) {
    const type = request.headers["content-type"] ?? "";
    const file = await engine.files.put(actor, { name, type: mediaType.test(type) ? type : undefined, content: body });
    return { status: 201, body: file };
  },
});

const downloadFile = route({
  id: "downloadFile",
  method: "GET",
  path: "/v1/files/{id}",
  summary: "A file's content, such as a step has left.",
  roles: users,
  params,
  answers: { 200: { description: "The content.", media: "*/*" } },
  async handle({ engine }, { params: { id }, response }, { actor }) {
    const { file, content } = await engine.files.get(actor, id);
    response.writeHead(200, {
      "Content-Type": file.type,
      "Content-Length": content.length,
      "Content-Disposition": `attachment; filename*=UTF-8''${encodeURIComponent(file.name ?? file.id).replaceAll("'", "%27")}`,
      // Somebody else's page must never run as one of ours.
      "Content-Security-Policy": "default-src 'none'; sandbox",
    });
    response.end(content);
    return "answered";
  },
});

const deleteFile = route({
  id: "deleteFile",
  method: "DELETE",
  path: "/v1/files/{id}",
  summary: "Deletes a file before it expires.",
  roles: users,
  params,
  answers: { 204: { description: "It is gone." } },
  async handle({ engine }, { params: { id } }, { actor }) {
    await engine.files.delete(actor, id);
    return noContent;
  },
});

export const fileRoutes: readonly Route[] = [uploadFile, downloadFile, deleteFile];

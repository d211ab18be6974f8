import { existsSync } from "node:fs";
import { join } from "node:path";
import express, { type NextFunction, type Request, type Response, Router } from "express";

const policy = [
  "default-src 'self'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

/** Where the API, the sign-in pages and the demonstration provider live: never answered with a page of ours. */
const reserved = /^\/(v1|oauth|sandbox|sign-in|mcp|healthz|readyz|openapi\.json)(\/|$)/;

/** The pages that Vite has built. Files with a hash in their name are kept for ever, the page itself is asked for each time. */
export function staticPages(folder: string): Router {
  const router = Router();
  const index = join(folder, "index.html");
  if (!existsSync(index)) return router;

  router.use((request, response, next) => {
    response.setHeader("Content-Security-Policy", policy);
    // A pop-up at a provider must still be ours to be closed; a page that another application opened tells it what was connected.
    const opened = request.path.startsWith("/connect/session/");
    if (!opened) response.setHeader("Cross-Origin-Opener-Policy", "same-origin-allow-popups");
    next();
  });
  router.use("/assets", express.static(join(folder, "assets"), { index: false, redirect: false, immutable: true, maxAge: "1y" }));
  router.use(express.static(folder, { index: false, redirect: false, cacheControl: false, setHeaders: revalidate }));
  router.use((request: Request, response: Response, next: NextFunction) => {
    // The front door opens to everybody; other addresses are pages only for those who ask for pages.
    const asked = request.path === "/" || (request.headers.accept ?? "").includes("text/html");
    const navigation = asked && ["GET", "HEAD"].includes(request.method);
    if (!navigation || reserved.test(request.path) || request.path.startsWith("/assets/")) return next();
    revalidate(response);
    response.sendFile(index, { cacheControl: false });
  });
  return router;
}

function revalidate(response: Response | import("node:http").ServerResponse): void {
  response.setHeader("Cache-Control", "no-cache");
}

// @ts-check
/*
 * The bare request that a refresh cannot do without: so many token requests, so many at once, over connections that are kept.
 */
import { Agent, request } from "undici";
import { given, now, serve } from "./processes.mjs";

const { url, count, concurrency } = given();
const dispatcher = new Agent({ connections: concurrency, pipelining: 1 });
const body = new URLSearchParams({
  grant_type: "refresh_token",
  refresh_token: "rt-0-".padEnd(64, "0123456789abcdef"),
  client_id: "bench",
  client_secret: "bench-secret-".padEnd(48, "0123456789abcdef"),
}).toString();
const headers = { accept: "application/json", "content-type": "application/x-www-form-urlencoded" };

/** @type {number[]} */
const times = [];
let left = count;
const post = async () => {
  while (left-- > 0) {
    const answer = await request(url, { dispatcher, method: "POST", headers, body });
    JSON.parse(await answer.body.text());
    times.push(now());
  }
};
serve(true, times);
for (let one = 0; one < concurrency; one += 1) void post();

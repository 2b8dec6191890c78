/**
 * Service worker: passes every request of this site on as it is, and adds to the answers the headers that let the page
 * share memory with threads. It keeps nothing. For hosts that cannot send the headers themselves.
 */
const headers = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
};

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

async function answer(request) {
  const response = await fetch(request);
  // Of an answer that may not be read nothing can be changed.
  if (response.status === 0 || response.type === "opaque") return response;
  const changed = new Headers(response.headers);
  for (const [name, value] of Object.entries(headers)) changed.set(name, value);
  const { status, statusText } = response;
  // These have no body, and may not be given one.
  const body = [101, 204, 205, 304].includes(status) ? null : response.body;
  return new Response(body, { status, statusText, headers: changed });
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (new URL(request.url).origin !== self.location.origin) return;
  // A browser's own look into its cache; it may not be asked for again from here.
  if (request.cache === "only-if-cached" && request.mode !== "same-origin") return;
  event.respondWith(answer(request));
});

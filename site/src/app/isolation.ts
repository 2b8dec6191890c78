/**
 * Threads need a page that is cross-origin isolated, by two headers that many static hosts cannot send. There a service
 * worker adds them (public/isolation.js); the page is loaded once more for it. Without it all works on one thread.
 */

/** Set once this tab was loaded again: never twice, whatever comes of it. */
const mark = "twopass.isolation";

function markOnce(): boolean {
  try {
    if (sessionStorage.getItem(mark) !== null) return false;
    sessionStorage.setItem(mark, "reloaded");
    return true;
  } catch {
    // What cannot be remembered could happen again and again.
    return false;
  }
}

export function startIsolation(): void {
  if (crossOriginIsolated || !isSecureContext || !("serviceWorker" in navigator)) return;
  const { serviceWorker } = navigator;
  const reload = (): void => {
    if (markOnce()) location.reload();
  };
  if (serviceWorker.controller === null) serviceWorker.addEventListener("controllerchange", reload, { once: true });
  else reload();
  // A browser may forbid it: private windows, settings. One thread then.
  serviceWorker.register("./isolation.js", { scope: "./" }).catch(() => undefined);
}

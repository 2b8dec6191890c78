/** What is not well in the step that is shown: what it means, and what to try. */
import type { Finding } from "twopass/inspect";
import type { JSX } from "preact";
import { t } from "../text/text.ts";
import { formatNumber, formatShare } from "../view/number.ts";
import type { Room } from "./room.ts";

export function FindingsPanel({ room }: { readonly room: Room }): JSX.Element {
  const texts = t().playground.findings;
  const findings = room.step.value?.traced.findings ?? [];
  return (
    <section class="panel findings" aria-label={texts.label}>
      <h2>{texts.label}</h2>
      {findings.length === 0 ? (
        <p class="hint">{room.step.value === undefined ? texts.notLooked : texts.none}</p>
      ) : (
        <ul>
          {joined(findings).map(({ kind, path, amount }) => (
            <li key={`${kind} ${path}`} class="finding">
              <b>
                {texts.kinds[kind].name}: {placeName(room, path)}
              </b>{" "}
              {texts.kinds[kind].means(amountText(kind, amount))} <em>{texts.kinds[kind].tryThis}</em>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** Weights and biases of one layer are told once. */
function joined(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  // Where numbers are not finite, nothing else says much.
  const broken = findings.filter(({ kind }) => kind === "nonFinite");
  return (broken.length > 0 ? broken : findings).filter(({ kind, path }) => {
    const key = `${kind} ${path.replace(/\.(weight|bias)$/, "")}`;
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
}

function amountText(kind: Finding["kind"], amount: number): string {
  return kind === "dead" || kind === "saturated" ? formatShare(amount) : formatNumber(amount);
}

/** The layer that a path of the trace is in. */
export function placeName(room: Room, path: string): string {
  const texts = t().playground;
  const layers = room.info.value?.layers ?? [];
  if (path === "loss" || path === "") return texts.findings.theLoss;
  const at = layers.findIndex(
    (layer) => path === layer.path || path === layer.activationPath || path.startsWith(`${layer.path}.`),
  );
  if (at < 0) return path;
  return at === layers.length - 1 ? texts.names.output : t().view.layer(at + 1);
}

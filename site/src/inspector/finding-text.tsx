/** A finding in words. */
import type { JSX } from "preact";
import type { Finding } from "twopass/inspect";
import { t } from "../text/text.ts";
import { formatCount, formatNumber, formatShare } from "../view/number.ts";
import { findingLetters } from "./findings.ts";
import type { LoadedTrace } from "./store.ts";

interface FindingTextProps {
  readonly finding: Finding;
  readonly trace: LoadedTrace;
}

export function FindingText({ finding, trace }: FindingTextProps): JSX.Element {
  return (
    <p class="inspector-finding">
      <span class="inspector-badge" aria-hidden="true">
        {findingLetters[finding.kind]}
      </span>{" "}
      {findingSentence(finding, trace)}
    </p>
  );
}

export function findingSentence({ kind, operation, path, amount }: Finding, { model }: LoadedTrace): string {
  const texts = t().inspector;
  const name = path === "" ? texts.modelName : path === "loss" && !model.groups.has("m:loss") ? texts.lossName : path;
  const op = operation === undefined ? "" : (model.operations[operation]?.op ?? "");
  switch (kind) {
    case "nonFinite":
      return texts.nonFiniteText(name, op, formatCount(amount));
    case "noGradient":
      return texts.noGradientText(name);
    case "vanishing":
      return texts.vanishingText(name, formatNumber(amount, 2));
    case "exploding":
      return texts.explodingText(name, formatNumber(amount, 3));
    case "dead":
      return texts.deadText(name, formatShare(amount));
    case "saturated":
      return texts.saturatedText(name, formatShare(amount));
  }
}

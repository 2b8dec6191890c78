/** Why a weight changes: the chain from the loss to it along the largest contributions, and a check by finite differences. */
import type { ChainLink, WeightExplanation } from "twopass/inspect";
import type { JSX } from "preact";
import type { SessionInfo } from "../session/protocol.ts";
import { t } from "../text/text.ts";
import { ShownNumber } from "../view/shown-number.tsx";
import { layerName, operationName } from "./moment-text.ts";
import type { StepReading } from "./step-reading.ts";

interface ExplanationViewProps {
  readonly explanation: WeightExplanation;
  readonly step: StepReading;
  readonly info: SessionInfo | undefined;
}

export function ExplanationView({ explanation, step, info }: ExplanationViewProps): JSX.Element {
  const texts = t().playground.explanation;
  const { chain, gradient, samples, difference } = explanation;
  const strongest = samples.reduce((most, share, n) => (Math.abs(share) > Math.abs(samples[most] ?? 0) ? n : most), 0);
  const rate = step.trace.parameters.find(({ path }) => path === explanation.path)?.settings["lr"];
  return (
    <section class="explanation" aria-label={texts.label}>
      <p>
        {gradient === 0 ? texts.still : gradient > 0 ? texts.rises : texts.falls}{" "}
        {typeof rate === "number" ? texts.byRate : undefined}
      </p>
      <p>
        {texts.strongest(strongest + 1)} <ShownNumber value={samples[strongest]} />
      </p>
      <table class="chain">
        <caption>{texts.chain}</caption>
        <thead>
          <tr>
            <th scope="col">{texts.where}</th>
            <th scope="col">{texts.value}</th>
            <th scope="col">{texts.local}</th>
            <th scope="col">{texts.gradient}</th>
          </tr>
        </thead>
        <tbody>
          {chain.map((link, i) => {
            const [largest] = link.contributions;
            const others = link.contributions.length - 1 + link.others;
            return (
              <tr key={i}>
                <th scope="row">{i === chain.length - 1 ? texts.thisOne : linkName(link, step, info)}</th>
                <td>
                  <ShownNumber value={link.value} />
                </td>
                <td>
                  {largest === undefined ? (
                    "1"
                  ) : (
                    <>
                      <ShownNumber value={largest.local} /> · <ShownNumber value={largest.gradient} />
                      {others > 0 ? <span class="hint"> {texts.others(others)}</span> : undefined}
                    </>
                  )}
                </td>
                <td>
                  <ShownNumber value={link.gradient} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <p class="hint">
        {texts.check} <ShownNumber value={gradient} /> {texts.against} <ShownNumber value={difference} />
      </p>
    </section>
  );
}

/** Such as "layer 1: tanh [27, 4]", counted from 1. */
function linkName({ op, module, index }: ChainLink, step: StepReading, info: SessionInfo | undefined): string {
  const layer = step.layers.findIndex(({ path, activationPath }) => module === path || module === activationPath);
  const place = index.length === 0 ? "" : ` [${index.map((i) => i + 1).join(", ")}]`;
  return `${layerName(layer < 0 ? step.layers.length : layer, info)}: ${operationName(op)}${place}`;
}
